"""The rights ledger on the local cloud: provenance, the summary, takedowns and their revocation."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from crawlset_local.cloud import LocalCloud
from tests.e2e.http_clients import Api, assert_conserved, download, wait_for

GONE = 410


@pytest.fixture(scope="module")
def crawled(cloud: LocalCloud) -> Iterator[tuple[Api, Any]]:
    """A crawl with an export, in a project of its own."""
    with Api.of(cloud) as api:
        yield api, crawl(api)


def crawl(api: Api) -> Any:
    job_id = api.create_job(
        keywords=["cat", "coffee"],
        sources=["sample"],
        max_images=120,
        licences=["sharealike"],
        export={"format": "imagefolder"},
    )
    return api.wait_for_pipeline(job_id, 120)


def images(api: Api, job: Any, **wanted: Any) -> list[Any]:
    return list(api.items(f"{api.job_path(job['id'])}/images", **wanted))


def stored_bytes(cloud: LocalCloud, prefix: str) -> Iterator[bytes]:
    """Every object of the bucket below `prefix`."""
    s3, bucket = cloud.client("s3"), cloud.outputs["BucketName"]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", ()):
            yield s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()


def wait_for_status(api: Api, takedown_id: str, status: str) -> Any:
    return wait_for(
        lambda: api.get(f"/api/projects/{api.project}/takedowns/{takedown_id}"),
        lambda takedown: takedown["status"] == status,
        60,
    )


class TestLedger:
    def test_proves_what_was_kept_and_what_was_refused(self, crawled: tuple[Api, Any]) -> None:
        api, job = crawled
        kept = images(api, job, outcome="stored")[0]
        refused = images(api, job, outcome="refused_licence")[0]

        proven, refusal = (
            api.get(f"{api.job_path(job['id'])}/images/{image['id']}/provenance")
            for image in (kept, refused)
        )

        assert proven["fetch"]["sha256"] == kept["sha256"]
        assert proven["rights"]["licence"] == kept["licence"]
        assert proven["rights"]["attribution"]
        robots = next(one for one in proven["signals"] if one["signal"] == "robots.txt")
        assert len(robots["sha256"]) == 64
        assert refusal["decision"]["rule"] == "licences: sharealike"
        assert refusal["fetch"] is None

    def test_is_in_the_export(self, crawled: tuple[Api, Any], tmp_path: Path) -> None:
        api, job = crawled
        (export,) = job["export_jobs"]

        download(api, f"{api.job_path(job['id'])}/export-jobs/{export['id']}/files", tmp_path)

        manifest = (tmp_path / "manifest.jsonl").read_text()
        lines = [json.loads(line) for line in manifest.splitlines()]
        by_outcome = {line["outcome"]: line for line in lines}
        read = [one["signal"] for line in lines if line["data_file"] for one in line["signals"]]
        assert "robots.txt" in read
        assert by_outcome["refused_licence"]["decided_by"] == "licences: sharealike"
        assert by_outcome["refused_noai"]["decided_by"].startswith("X-Robots-Tag: ")

    def test_adds_up_to_the_summary(self, crawled: tuple[Api, Any]) -> None:
        api, job = crawled

        summary = api.get(f"/api/projects/{api.project}/summary", crawl_job_id=job["id"])

        crawl = summary["section_2_3"]
        assert crawl["n_images"] == job["progress"]["stored"]
        assert crawl["bytes"] == job["bytes_stored"]
        assert sum(summary["section_3_1"]["refused"].values()) == job["progress"]["refused"]


class TestTakedown:
    @pytest.fixture
    def api(self, cloud: LocalCloud) -> Iterator[Api]:
        """In a project of its own."""
        with Api.of(cloud) as api:
            yield api

    def test_leaves_no_byte_in_the_bucket_and_lets_none_in_again(
        self, api: Api, cloud: LocalCloud
    ) -> None:
        job = crawl(api)
        (export,) = job["export_jobs"]
        kept = images(api, job, outcome="stored")
        host = "museum.localhost"
        taken = [image for image in kept if f"//{host}" in image["url"]]
        assert 0 < len(taken) < len(kept)
        bodies = [self.read(api, job, image) for image in taken]
        body = {"kind": "host", "value": host, "grace_hours": 0}
        preview = api.post(f"/api/projects/{api.project}/takedowns/preview", body)

        made = api.post(f"/api/projects/{api.project}/takedowns", body)
        done = wait_for_status(api, made["id"], "completed")

        assert preview["n_images"] == done["n_images"]
        assert done["n_images"] >= len(taken)
        assert [one["export_job_id"] for one in done["exports"]] == [export["id"]]
        assert list(stored_bytes(cloud, f"exports/{export['id']}/")) == []
        for content in stored_bytes(cloud, f"jobs/{job['id']}/"):
            assert not any(body in content for body in bodies)
        job = api.job(job["id"])
        assert_conserved(job)
        assert job["progress"]["stored"] == len(kept) - len(taken)
        left = images(api, job, outcome="stored")[0]
        assert len(self.read(api, job, left)) == left["file_size"]
        files = f"{api.job_path(job['id'])}/export-jobs/{export['id']}/files"
        assert api.client.get(files).status_code == GONE

        again = api.create_job(urls=[taken[0]["url"], left["url"]], sources=["urls"])
        outcomes = api.wait_for_job(again, 60)["outcomes"]
        assert outcomes == {"refused_takedown": 1, "stored": 1}

    def test_gives_everything_back_when_it_is_revoked(self, api: Api) -> None:
        job = crawl(api)
        (export,) = job["export_jobs"]
        export_path = f"{api.job_path(job['id'])}/export-jobs/{export['id']}"
        before = images(api, job)
        takedowns = f"/api/projects/{api.project}/takedowns"

        made = api.post(takedowns, {"kind": "host", "value": "museum.localhost"})
        hidden = wait_for_status(api, made["id"], "hidden")
        assert hidden["n_images"] > 0
        assert images(api, job) != before
        assert api.get(export_path)["withheld"]["takedown_id"] == made["id"]
        assert api.client.get(f"{export_path}/files").json()["code"] == "ExportTakenDownError"
        api.post(f"{takedowns}/{made['id']}/revoke", {})
        wait_for_status(api, made["id"], "revoked")

        assert images(api, job) == before
        assert api.get(export_path)["withheld"] is None
        assert api.client.get(f"{export_path}/files").status_code == httpx.codes.OK
        taken = next(
            image
            for image in before
            if image["status"] == "stored" and "//museum.localhost" in image["url"]
        )
        assert len(self.read(api, job, taken)) == taken["file_size"]

    def read(self, api: Api, job: Any, image: Any) -> bytes:
        content = api.get(f"{api.job_path(job['id'])}/images/{image['id']}/content")
        return httpx.get(content["url"], headers=content["headers"]).raise_for_status().content


class TestEstimate:
    def test_asks_the_source_what_it_has(self, crawled: tuple[Api, Any]) -> None:
        api, _ = crawled
        body = {"name": "cats", "keywords": ["cat"], "sources": ["sample"], "max_images": 10_000}

        estimate = wait_for(
            lambda: api.post(f"/api/projects/{api.project}/crawl-jobs/estimate", body),
            lambda estimate: estimate["is_complete"],
            30,
        )

        (probe,) = estimate["probes"]
        assert probe["total"] == estimate["candidates"]["expected"] > 0
        assert "cc0" in probe["licences"]


class TestExpansion:
    def test_shows_what_was_asked(self, crawled: tuple[Api, Any]) -> None:
        api, _ = crawled
        job_id = api.create_job(
            keywords=["cat"], sources=["sample"], max_images=20, expansion={"plurals": True}
        )

        job = api.wait_for_job(job_id, 60)

        (search,) = job["searches"]
        assert search["queries"] == [
            {"query": "cat", "by": "keyword"},
            {"query": "cats", "by": "plural"},
        ]
        assert job["expansion"]["plurals"] is True
