from crawlset.crawls.planner import LANES_PER_HOST
from crawlset.fetching.limits import Limits
from crawlset.settings import CHUNK_URLS
from crawlset_local.cloud import LocalCloud
from crawlset_local.sample_site.faults import SLOW_HOST
from tests.e2e.http_clients import Api, SampleSite, assert_conserved

N_AT_ONCE = 16
N_URLS = CHUNK_URLS + 60
"""Two chunks of a job, in two lanes."""


def test_two_jobs_ask_one_host_no_more_at_once_than_one_may(cloud: LocalCloud) -> None:
    host = f"{SLOW_HOST}.localhost"
    with Api.of(cloud) as api, SampleSite.of(cloud) as site:
        site.reset()
        origin = f"http://{host}:{cloud.ports.sample}"
        job_ids = [
            api.create_job(
                sources=["urls"], urls=[f"{origin}/{name}/{n}.jpg" for n in range(N_URLS)]
            )
            for name in ("one", "other")
        ]

        jobs = [api.wait_for_job(job_id, 180) for job_id in job_ids]

        for job in jobs:
            assert job["status"] == "completed", job["error_message"]
            assert job["progress"]["candidates"] == N_URLS
            assert_conserved(job)
        begins = [job["started_at"] for job in jobs]
        ends = [job["finished_at"] for job in jobs]
        assert max(begins) < min(ends)
        peak = site.peak_by_host()[host]
        assert Limits().n_per_host <= peak <= LANES_PER_HOST * Limits().n_per_host


def test_a_host_that_the_deployment_owns_is_asked_for_as_many_at_once_as_the_job_says(
    cloud: LocalCloud,
) -> None:
    host = f"{SLOW_HOST}.localhost"
    with Api.of(cloud) as api, SampleSite.of(cloud) as site:
        site.reset()
        urls = [f"http://{host}:{cloud.ports.sample}/owned/{n}.jpg" for n in range(N_URLS)]

        job_id = api.create_job(sources=["urls"], urls=urls, per_host={host: N_AT_ONCE})
        job = api.wait_for_job(job_id, 180)

        assert job["status"] == "completed", job["error_message"]
        assert_conserved(job)
        peak = site.peak_by_host()[host]
        assert LANES_PER_HOST * Limits().n_per_host < peak <= N_AT_ONCE
