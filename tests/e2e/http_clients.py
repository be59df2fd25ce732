"""What the end-to-end tests speak to: the API and the sample site, over HTTP."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx

from crawlset_local.cloud import LocalCloud
from crawlset_local.processes import wait_until

PATIENCE = 4
"""How much slower than alone this machine may be, with everything else that it is busy with."""

FINAL = {"completed", "failed", "cancelled"}


def wait_for(read: Callable[[], Any], is_done: Callable[[Any], bool], seconds: float) -> Any:
    """
    What `read` gives once `is_done` holds of it.

    Fails after `seconds` of a machine that has nothing else to do.
    """
    value = None

    def holds() -> bool:
        nonlocal value
        value = read()
        return is_done(value)

    assert wait_until(holds, PATIENCE * seconds, every=0.2), f"not done after {seconds} s: {value}"
    return value


class Address(NamedTuple):
    """Where a cloud answers; a running `LocalCloud` has the same names."""

    api_url: str
    api_key: str
    sample_url: str


class SampleSite:
    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    @classmethod
    @contextmanager
    def of(cls, cloud: LocalCloud | Address) -> Iterator["SampleSite"]:
        with httpx.Client(base_url=cloud.sample_url, timeout=60 * PATIENCE) as client:
            yield cls(client)

    def reset(self) -> None:
        """Set the request counters to zero."""
        self.client.post("/_requests/reset").raise_for_status()

    def works(self) -> list[dict[str, Any]]:
        works: list[dict[str, Any]] = self._get("/catalogue")["works"]
        return works

    def requests_by_path(self) -> dict[str, int]:
        counts: dict[str, int] = self._get("/_requests")["by_path"]
        return counts

    def n_requests(self) -> int:
        n: int = self._get("/_requests")["total"]
        return n

    def peak_by_host(self) -> dict[str, int]:
        """The most requests that each host has had under way at once."""
        peaks: dict[str, int] = self._get("/_requests")["peak_by_host"]
        return peaks

    def _get(self, path: str) -> Any:
        return self.client.get(path).raise_for_status().json()

    def manifest(self, count: int) -> list[str]:
        answer = self.client.get("/manifest", params={"count": count}, timeout=60 * PATIENCE)
        return answer.raise_for_status().text.split()


class Api:
    """The API over HTTP, and a project to work in."""

    def __init__(self, client: httpx.Client, project: str | None = None) -> None:
        self.client = client
        self.project: str = project or wait_for(self._new_project, bool, 60)

    @classmethod
    @contextmanager
    def of(cls, cloud: LocalCloud | Address, project: str | None = None) -> Iterator["Api"]:
        """The API with the first key, in a new project unless one is named."""
        headers = {"Authorization": f"Bearer {cloud.api_key}"}
        with httpx.Client(base_url=cloud.api_url, headers=headers, timeout=60 * PATIENCE) as client:
            yield cls(client, project)

    def _new_project(self) -> str | None:
        """None while functions start: on a busy machine, for longer than the gateway waits."""
        answer = self.client.post("/api/projects", json={"name": str(uuid4())})
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            return None
        assert answer.is_success, answer.text
        project: str = answer.json()["id"]
        return project

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.client.post(path, json=body or {})
        assert answer.is_success, answer.text
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(path, params=query)
        assert answer.is_success, answer.text
        return answer.json()

    def upload(self, content: bytes) -> str:
        """Upload a list; gives its id."""
        place = self.post(f"/api/projects/{self.project}/uploads", {"file_size": len(content)})
        stored = httpx.request(
            place["method"], place["url"], content=content, headers=place["headers"], timeout=120
        )
        stored.raise_for_status()
        upload_id: str = place["upload_id"]
        return upload_id

    def create_job(self, **body: Any) -> str:
        path = f"/api/projects/{self.project}/crawl-jobs"
        job_id: str = self.post(path, {"name": "job"} | body)["id"]
        return job_id

    def job_path(self, job_id: str) -> str:
        return f"/api/projects/{self.project}/crawl-jobs/{job_id}"

    def job(self, job_id: str) -> Any:
        return self.get(self.job_path(job_id))

    def wait_for_job(self, job_id: str, seconds: float) -> Any:
        return wait_for(lambda: self.job(job_id), lambda job: job["status"] in FINAL, seconds)

    def wait_for_pipeline(self, job_id: str, seconds: float) -> Any:
        """The job once its validation and export jobs have ended too."""
        return wait_for(
            lambda: self.job(job_id),
            lambda job: all(
                piece["status"] in FINAL
                for piece in (job, *job["validation_jobs"], *job["export_jobs"])
            ),
            seconds,
        )

    def items(self, path: str, **query: Any) -> Iterator[Any]:
        cursor = None
        while True:
            page = self.get(path, limit=100, **query, **({"cursor": cursor} if cursor else {}))
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return


def assert_conserved(job: Any) -> None:
    """Every candidate is in exactly one final state."""
    progress = job["progress"]
    assert progress["pending"] == 0
    assert progress["candidates"] == sum(
        progress[state]
        for state in ("stored", "duplicate", "rejected", "refused", "failed", "cancelled")
    )
    assert progress["candidates"] == sum(job["outcomes"].values())


def download(api: Api, path: str, out: Path) -> list[Path]:
    """Every file of an export."""
    files = []
    for item in api.items(path):
        target = out / item["name"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(httpx.get(item["url"], timeout=60 * PATIENCE).raise_for_status().content)
        files.append(target)
    return files
