import time
from collections import Counter

from crawlset_local.cloud import LocalCloud
from tests.e2e.http_clients import Api, SampleSite, assert_conserved

N_URLS = 10_000


def test_settles_each_of_10_000_urls_exactly_once(cloud: LocalCloud) -> None:
    with Api.of(cloud) as api, SampleSite.of(cloud) as site:
        urls = site.manifest(N_URLS)
        begin = time.monotonic()

        job = api.wait_for_job(api.create_job(sources=["urls"], urls=urls), 600)

        seconds = time.monotonic() - begin
        assert job["status"] == "completed", job["error_message"]
        assert_conserved(job)
        images = list(api.items(f"{api.job_path(job['id'])}/images"))
    assert Counter(image["url"] for image in images) == Counter(urls)
    assert Counter(image["outcome"] for image in images) == job["outcomes"]
    print(f"\n{N_URLS} URLs in {seconds:.1f} s: {N_URLS / seconds:.0f} images/s, {job['outcomes']}")
