import io
import json
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from PIL import Image

from crawlset_local.cloud import LocalCloud
from crawlset_local.sample_site.faults import SLOW_HOST
from tests.e2e.http_clients import Api, SampleSite, assert_conserved, download, wait_for

KEYWORDS = ["cat", "coffee", "rocket"]
FOLLOWED = ("Api", "Discover", "Plan", "Fetch", "Record", "Validate", "Export")


@pytest.fixture(scope="module")
def finished(cloud: LocalCloud) -> Any:
    """The main job, run once: crawled, validated, exported."""
    with Api.of(cloud) as api, SampleSite.of(cloud) as site:
        site.reset()
        job_id = api.create_job(
            keywords=KEYWORDS,
            sources=["sample"],
            max_images=300,
            validation_rules={},
            export={"format": "imagefolder"},
        )
        yield api, api.wait_for_pipeline(job_id, 180), site.requests_by_path(), site.works()


class TestMainJob:
    def test_ends_with_every_candidate_in_one_state(self, finished: Any) -> None:
        _, job, _, _ = finished

        assert job["status"] == "completed", job["error_message"]
        assert job["progress"]["stored"] > 100
        assert_conserved(job)

    def test_gives_each_candidate_the_outcome_its_server_deserves(self, finished: Any) -> None:
        api, job, _, works = finished
        allowed = {work["url"]: set(work["outcomes"]) for work in works}

        wrong = {
            image["url"]: image["outcome"]
            for image in api.items(f"{api.job_path(job['id'])}/images")
            if image["outcome"] not in allowed[image["url"]] | {"duplicate_bytes"}
        }

        assert wrong == {}

    @pytest.mark.parametrize(
        ("outcome", "n_requests"),
        [("http_404", 1), ("refused_noai", 1), ("refused_robots", 0), ("http_410", 1)],
    )
    def test_asks_no_more_often_than_it_should(
        self, finished: Any, outcome: str, n_requests: int
    ) -> None:
        api, job, requests, _ = finished

        images = list(api.items(f"{api.job_path(job['id'])}/images", outcome=outcome))

        assert images
        assert {requests.get(image["url"], 0) for image in images} == {n_requests}

    def test_exports_images_that_open_by_class_and_split(
        self, finished: Any, tmp_path: Path
    ) -> None:
        api, job, _, _ = finished
        (export,) = job["export_jobs"]
        (validation,) = job["validation_jobs"]
        assert (validation["status"], export["status"]) == ("completed", "completed"), job

        files = download(
            api, f"{api.job_path(job['id'])}/export-jobs/{export['id']}/files", tmp_path
        )

        names: list[str] = []
        for archive in (path for path in files if path.suffix == ".zip"):
            with zipfile.ZipFile(archive) as opened:
                for name in opened.namelist():
                    with Image.open(io.BytesIO(opened.read(name))) as image:
                        image.load()
                    names.append(name)
        assert len(names) == export["n_images"] == validation["counts"]["kept"]
        assert {name.split("/")[0] for name in names} <= {"train", "validation", "test"}
        assert {name.split("/")[1] for name in names} == set(KEYWORDS)

    def test_lists_every_candidate_in_the_manifest(self, finished: Any, tmp_path: Path) -> None:
        api, job, _, _ = finished
        (export,) = job["export_jobs"]

        download(api, f"{api.job_path(job['id'])}/export-jobs/{export['id']}/files", tmp_path)

        manifest = (tmp_path / "manifest.jsonl").read_text()
        lines = [json.loads(line) for line in manifest.splitlines()]
        assert len(lines) == job["progress"]["candidates"]
        assert Counter(line["outcome"] for line in lines) == job["outcomes"]

    def test_can_be_followed_by_its_id_through_every_function(
        self, finished: Any, cloud: LocalCloud
    ) -> None:
        _, job, _, _ = finished

        def functions_that_logged() -> set[str]:
            try:
                lines = [json.loads(line) for line in log_lines(cloud, job["id"])]
            except ClientError:
                # The emulator cannot list groups while a function makes one.
                return set()
            return {line["function_name"].split("-")[2] for line in lines}

        expected = {f"{name}Function" for name in FOLLOWED}
        assert wait_for(functions_that_logged, expected.issubset, 20) >= expected


def log_lines(cloud: LocalCloud, text: str) -> Iterator[str]:
    """What the service has logged about `text`."""
    logs = cloud.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group["logGroupName"], filterPattern=f'"{text}"'
        )
        for page in pages:
            yield from (event["message"] for event in page["events"])


class TestAccess:
    def test_answers_401_or_403_as_a_problem_without_a_valid_key(self, cloud: LocalCloud) -> None:
        path = f"{cloud.api_url}/api/projects"

        missing = httpx.get(path)
        wrong = httpx.get(path, headers={"Authorization": "Bearer cs_wrong"})

        for answer, status in ((missing, 401), (wrong, 403)):
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["request_id"]

    def test_answers_health_to_anyone(self, cloud: LocalCloud) -> None:
        assert httpx.get(f"{cloud.api_url}/api/health").json()["status"] == "ok"

    def test_shows_the_documentation_to_anyone(self, cloud: LocalCloud) -> None:
        document = httpx.get(f"{cloud.api_url}/api/openapi.json").json()
        page = httpx.get(f"{cloud.api_url}/api/docs")

        assert "/api/projects/{project_id}/crawl-jobs" in document["paths"]
        assert page.headers["content-type"].startswith("text/html")


class TestCancel:
    def test_ends_a_running_job_and_its_requests_soon(self, cloud: LocalCloud) -> None:
        with Api.of(cloud) as api, SampleSite.of(cloud) as site:
            n_before = site.n_requests()
            slow = f"http://{SLOW_HOST}.localhost:{cloud.ports.sample}/cancelled"
            job_id = api.create_job(
                sources=["urls"], urls=[f"{slow}/{n}.jpg" for n in range(3_000)]
            )
            wait_for(lambda: api.job(job_id), lambda job: job["progress"]["stored"] > 0, 90)

            cancelled = api.post(f"{api.job_path(job_id)}/cancel")

            assert cancelled["status"] == "cancelled"
            assert_conserved(cancelled)
            assert cancelled["progress"]["cancelled"] > 0
            n_asked = wait_until_steady(site.n_requests, 20) - n_before
            assert n_asked < 3_000
            assert api.job(job_id)["progress"] == cancelled["progress"]


def wait_until_steady(read: Callable[[], int], seconds: float) -> int:
    """The value that `read` has not changed for three seconds."""
    seen: list[tuple[float, int]] = []

    def is_steady(value: int) -> bool:
        now = time.monotonic()
        if not seen or seen[-1][1] != value:
            seen.append((now, value))
        return now - seen[-1][0] > 3

    value: int = wait_for(read, is_steady, seconds)
    return value
