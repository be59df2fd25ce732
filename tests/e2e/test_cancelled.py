"""A job that is cancelled, taken up again, and deleted with its bytes."""

from pathlib import Path

from crawlset_local.cloud import LocalCloud
from tests.e2e.http_clients import Api, SampleSite, assert_conserved, wait_for
from tests.ports import free_ports

N_URLS = 2_000
UNREACHABLE = "sample does not answer at the moment (ConnectError)."


def objects_of(home: Path, folder: str, id_: str) -> list[Path]:
    return [path for path in (home / "s3").rglob(f"{folder}/{id_}/*") if path.is_file()]


def test_is_retried_exported_and_leaves_nothing_on_the_disk(cloud: LocalCloud) -> None:
    with SampleSite.of(cloud) as site, Api.of(cloud) as api:
        job_id = api.create_job(urls=site.manifest(N_URLS), sources=["urls"])
        path = api.job_path(job_id)
        wait_for(lambda: api.job(job_id), lambda job: job["progress"]["stored"] > 0, 60)
        cancelled = api.post(f"{path}/cancel")

        retried = api.post(f"{path}/retry")
        ended = api.wait_for_job(job_id, 120)
        export = api.post(f"{path}/export-jobs", {"format": "imagefolder"})
        exported = api.wait_for_pipeline(job_id, 120)["export_jobs"][0]
        has_objects = all(
            objects_of(cloud.home, folder, id_)
            for folder, id_ in (("jobs", job_id), ("exports", export["id"]))
        )
        assert api.client.delete(path).status_code == 200
        assert api.client.get(path).status_code == 404
        restored = api.post(f"{path}/restore")
        assert api.client.delete(path, params={"grace_hours": 0}).status_code == 200
        wait_for(
            lambda: [
                *objects_of(cloud.home, "jobs", job_id),
                *objects_of(cloud.home, "exports", export["id"]),
            ],
            lambda left: not left,
            150,
        )

    assert cancelled["progress"]["cancelled"] > 0
    assert retried["status"] == "running"
    assert (ended["status"], ended["progress"]["cancelled"]) == ("completed", 0)
    assert_conserved(ended)
    assert (exported["status"], exported["n_images"]) == ("completed", ended["progress"]["stored"])
    assert has_objects
    assert restored["progress"] == ended["progress"]


def test_says_that_it_waits_for_a_source_that_cannot_be_reached(tmp_path: Path) -> None:
    cloud = LocalCloud(
        tmp_path / "home",
        free_ports(),
        parameters={"SampleSourceUrl": "http://127.0.0.1:9"},
        with_sample_site=False,
    )
    with cloud, Api.of(cloud) as api:
        job_id = api.create_job(keywords=["cat"], sources=["sample"])
        waiting = wait_for(lambda: api.job(job_id), lambda job: bool(job["waiting"]), 60)
        events = api.get(f"{api.job_path(job_id)}/events")["items"]
        ended = api.post(f"{api.job_path(job_id)}/cancel")
    cloud.erase()

    (wait,) = waiting["waiting"]
    assert (wait["kind"], wait["name"], wait["reason"]) == ("source", "sample", UNREACHABLE)
    assert wait["until"] is not None
    assert [e["data"]["error_message"] for e in events if e["type"] == "search.waiting"] == [
        UNREACHABLE
    ]
    assert ended["waiting"] == []
