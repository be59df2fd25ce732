"""
The Python client: one method a route.

    with Crawlset("http://127.0.0.1:8480", key) as crawlset:
        project = crawlset.create_project("cats")
        job = crawlset.create_crawl_job(project.id, "cats", keywords=["cat"], sources=["sample"])

Methods that list give every item, page by page, as they are iterated.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack
from urllib.parse import quote
from uuid import uuid4

import msgspec

from crawlset_client import __version__, calls, transfers
from crawlset_client.calls import Sleep
from crawlset_client.configuration import Configuration
from crawlset_client.errors import ConfigError, CrawlsetError, UnexpectedAnswerError, UsageError
from crawlset_client.late import late_import
from crawlset_client.models import (
    FINAL,
    Chunk,
    CrawlJob,
    Estimate,
    Event,
    ExportFile,
    ExportJob,
    Health,
    Image,
    Page,
    Project,
    Record,
    Source,
    Upload,
    ValidationJob,
    Verdict,
)
from crawlset_client.transfers import Advance

if TYPE_CHECKING:
    import httpx
else:
    httpx = late_import("httpx")

M = TypeVar("M", bound=Record)

ANSWER_SECONDS = 60.0
CONNECT_SECONDS = 10.0
PAGE_SIZE = 100
EVENTS_EVERY_SECONDS = 2.0
KEY_CHARACTERS = re.compile(r"[\x21-\x7e]+")
"""What a header can hold; the service's own keys hold fewer."""
DIRECT: Mapping[str, httpx.BaseTransport | None] = {
    "all://127.0.0.1": None,
    "all://localhost": None,
}
"""This machine is never asked through a proxy."""


def ignore(_n_bytes: int) -> None:
    """Hear of bytes and do nothing."""


class Crawlset:
    """
    The service at `api_url` (without `/api`), asked with `api_key`; a context manager.

    Every method raises `CrawlsetError`: `ApiError` when the service refuses, `NotRunningError`
    when nothing answers. Calls are sent again after 429 and 503; those that create carry an
    Idempotency-Key, so that a repetition creates nothing twice.
    """

    def __init__(
        self,
        api_url: str,
        api_key: str | None,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Sleep = time.sleep,
    ) -> None:
        if api_key and not KEY_CHARACTERS.fullmatch(api_key):
            raise ConfigError(
                "The API key has a character that no key has; copy it anew into CRAWLSET_API_KEY."
            )
        self.api_url = api_url.rstrip("/")
        self._sleep = sleep
        headers = {"User-Agent": f"crawlset-client/{__version__}"}
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        self._storage = httpx.Client(
            headers=headers, transport=transport, timeout=timeout, mounts=DIRECT
        )
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        try:
            self._http = httpx.Client(
                base_url=f"{self.api_url}/api/",
                headers=headers,
                transport=transport,
                timeout=timeout,
                mounts=DIRECT,
            )
        except (httpx.InvalidURL, UnicodeError) as error:
            raise ConfigError(f"{api_url!r} is no address of an API: {error}.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()
        self._storage.close()

    def get_health(self) -> Health:
        return self._get(Health, "health")

    def is_up(self) -> bool:
        """Whether Crawlset answers at this address."""
        try:
            self.get_health()
        except CrawlsetError:
            return False
        return True

    def list_sources(self) -> Iterator[Source]:
        return self._list(Source, "sources", paged=False)

    # Projects

    def create_project(self, name: str, description: str | None = None) -> Project:
        body = _given(name=name, description=description)
        return self._post(Project, "projects", body)

    def list_projects(self, *, deleted: bool = False) -> Iterator[Project]:
        """Newest first; with `deleted`, those that can be restored."""
        return self._list(Project, "projects", deleted="true" if deleted else None)

    def get_project(self, project_id: str) -> Project:
        return self._get(Project, _project(project_id))

    def update_project(
        self, project_id: str, *, name: str | None = None, description: str | None = None
    ) -> Project:
        body = _given(name=name, description=description)
        response = self._send("PATCH", _project(project_id), json=body)
        return self._read(Project, response)

    def delete_project(self, project_id: str, *, grace_hours: int | None = None) -> Project:
        """
        Delete the project and all its jobs.

        It can be restored for `grace_hours`, 0 to 720, or else for a day; then it is removed.
        """
        return self._delete(Project, _project(project_id), grace_hours)

    def restore_project(self, project_id: str) -> Project:
        """Take the deletion of a project back, and of the jobs that were deleted with it."""
        return self._post(Project, f"{_project(project_id)}/restore")

    # Crawl jobs

    def create_upload(self, project_id: str) -> Upload:
        """A place for a manifest, open for an hour."""
        return self._post(Upload, f"{_project(project_id)}/uploads", {})

    def upload_manifest(self, project_id: str, path: Path, *, advance: Advance = ignore) -> Upload:
        """Upload a manifest of at most 1 GiB; its `upload_id` goes into a crawl job."""
        upload = self.create_upload(project_id)
        transfers.put(self._storage, upload, path, advance=advance, sleep=self._sleep)
        return upload

    def create_crawl_job(
        self, project_id: str, name: str, **configuration: Unpack[Configuration]
    ) -> CrawlJob:
        """Start a crawl."""
        body = _given(name=name, **configuration)
        return self._post(CrawlJob, f"{_project(project_id)}/crawl-jobs", body)

    def estimate_crawl_job(
        self, project_id: str, name: str, **configuration: Unpack[Configuration]
    ) -> Estimate:
        """What such a job would find, take and cost. Nothing is created."""
        body = _given(name=name, **configuration)
        return self._post(Estimate, f"{_project(project_id)}/crawl-jobs/estimate", body)

    def list_crawl_jobs(
        self, project_id: str, *, status: str | None = None, deleted: bool = False
    ) -> Iterator[CrawlJob]:
        """Newest first; with `deleted`, those that can be restored."""
        path = f"{_project(project_id)}/crawl-jobs"
        return self._list(CrawlJob, path, status=status, deleted="true" if deleted else None)

    def get_crawl_job(self, project_id: str, job_id: str) -> CrawlJob:
        return self._get(CrawlJob, _job(project_id, job_id))

    def delete_crawl_job(
        self, project_id: str, job_id: str, *, grace_hours: int | None = None
    ) -> CrawlJob:
        """
        Delete a job that has ended.

        It can be restored for `grace_hours`, 0 to 720, or else for a day; then it is removed.
        """
        return self._delete(CrawlJob, _job(project_id, job_id), grace_hours)

    def restore_crawl_job(self, project_id: str, job_id: str) -> CrawlJob:
        """Take the deletion of a job back: it is as it was."""
        return self._post(CrawlJob, f"{_job(project_id, job_id)}/restore")

    def cancel_crawl_job(self, project_id: str, job_id: str) -> CrawlJob:
        return self._post(CrawlJob, f"{_job(project_id, job_id)}/cancel")

    def retry_crawl_job(self, project_id: str, job_id: str) -> CrawlJob:
        """Try again what was cancelled, and what failed and may end otherwise."""
        return self._post(CrawlJob, f"{_job(project_id, job_id)}/retry")

    def recrawl_crawl_job(self, project_id: str, job_id: str) -> CrawlJob:
        """Ask for the stored pictures again: unchanged, same picture, replaced or gone?"""
        return self._post(CrawlJob, f"{_job(project_id, job_id)}/recrawl")

    def list_chunks(
        self, project_id: str, job_id: str, *, status: str | None = None
    ) -> Iterator[Chunk]:
        return self._list(Chunk, f"{_job(project_id, job_id)}/chunks", status=status)

    def list_events(self, project_id: str, job_id: str, *, follow: bool = False) -> Iterator[Event]:
        """
        Oldest first. With `follow`, wait for more until the job has ended, and with it the
        validations and exports that have been made of it.
        """
        path = f"{_job(project_id, job_id)}/events"
        params: dict[str, str | int] = {"limit": PAGE_SIZE}
        under_way = set()
        if follow and not self.get_crawl_job(project_id, job_id).is_final:
            under_way.add(job_id)
        while True:
            page = self._read(Page, self._send("GET", path, params=params))
            for item in page.items:
                event = self._convert(Event, item)
                note = under_way.discard if event.data["status"] in FINAL else under_way.add
                note(event.data["id"])
                yield event
            if page.next_cursor is not None:
                params["cursor"] = page.next_cursor
            if page.items:
                continue
            if not (follow and under_way):
                return
            self._sleep(EVENTS_EVERY_SECONDS)

    def list_images(
        self,
        project_id: str,
        job_id: str,
        *,
        status: str | None = None,
        outcome: str | None = None,
        change: str | None = None,
    ) -> Iterator[Image]:
        """Every candidate and what became of it; `change` is what the last re-crawl found."""
        path = f"{_job(project_id, job_id)}/images"
        return self._list(Image, path, status=status, outcome=outcome, change=change)

    # Validation

    def create_validation_job(
        self, project_id: str, job_id: str, rules: Mapping[str, Any] | None = None
    ) -> ValidationJob:
        """Judge the stored images again; without `rules` by the service's own."""
        path = f"{_job(project_id, job_id)}/validation-jobs"
        return self._post(ValidationJob, path, _given(validation_rules=rules))

    def list_validation_jobs(self, project_id: str, job_id: str) -> Iterator[ValidationJob]:
        return self._list(ValidationJob, f"{_job(project_id, job_id)}/validation-jobs")

    def get_validation_job(self, project_id: str, job_id: str, validation_id: str) -> ValidationJob:
        return self._get(ValidationJob, _validation(project_id, job_id, validation_id))

    def cancel_validation_job(
        self, project_id: str, job_id: str, validation_id: str
    ) -> ValidationJob:
        path = f"{_validation(project_id, job_id, validation_id)}/cancel"
        return self._post(ValidationJob, path)

    def list_verdicts(self, project_id: str, job_id: str, validation_id: str) -> Iterator[Verdict]:
        path = f"{_validation(project_id, job_id, validation_id)}/verdicts"
        return self._list(Verdict, path)

    # Exports

    def create_export_job(
        self,
        project_id: str,
        job_id: str,
        format: str,  # noqa: A002 - the field's own name
        *,
        validation_job_id: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> ExportJob:
        body = _given(format=format, validation_job_id=validation_job_id, export_options=options)
        return self._post(ExportJob, f"{_job(project_id, job_id)}/export-jobs", body)

    def list_export_jobs(self, project_id: str, job_id: str) -> Iterator[ExportJob]:
        return self._list(ExportJob, f"{_job(project_id, job_id)}/export-jobs")

    def get_export_job(self, project_id: str, job_id: str, export_id: str) -> ExportJob:
        return self._get(ExportJob, _export(project_id, job_id, export_id))

    def cancel_export_job(self, project_id: str, job_id: str, export_id: str) -> ExportJob:
        return self._post(ExportJob, f"{_export(project_id, job_id, export_id)}/cancel")

    def list_export_files(
        self, project_id: str, job_id: str, export_id: str
    ) -> Iterator[ExportFile]:
        """The files of a completed export; their addresses are good for a limited time."""
        return self._list(ExportFile, f"{_export(project_id, job_id, export_id)}/files")

    def download(self, file: ExportFile, target: Path, *, advance: Advance = ignore) -> None:
        """
        Download `file` to `target`, which is there only once size and SHA-256 are right.

        Raises `ExportDamagedError` when they are not.
        """
        transfers.get(self._storage, file, target, advance=advance, sleep=self._sleep)

    def _get(self, model: type[M], path: str) -> M:
        return self._read(model, self._send("GET", path))

    def _post(
        self,
        model: type[M],
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> M:
        headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
        return self._read(model, self._send("POST", path, json=body, headers=headers))

    def _delete(self, model: type[M], path: str, grace_hours: int | None) -> M:
        params = _given(grace_hours=grace_hours)
        return self._read(model, self._send("DELETE", path, params=params))

    def _list(
        self, model: type[M], path: str, *, paged: bool = True, **filters: str | None
    ) -> Iterator[M]:
        params: dict[str, str | int] = {"limit": PAGE_SIZE} if paged else {}
        params |= _given(**filters)
        while True:
            response = self._send("GET", path, params=params)
            page = self._read(Page, response)
            for item in page.items:
                yield self._convert(model, item)
            if page.next_cursor is None:
                return
            params["cursor"] = page.next_cursor

    def _read(self, model: type[M], response: httpx.Response) -> M:
        try:
            document = msgspec.json.decode(response.content)
        except msgspec.DecodeError as error:
            raise UnexpectedAnswerError(self.api_url) from error
        return self._convert(model, document)

    def _convert(self, model: type[M], document: Any) -> M:
        try:
            return model.of(document)
        except msgspec.ValidationError as error:
            raise UnexpectedAnswerError(self.api_url) from error

    def _send(self, method: str, path: str, **parts: Any) -> httpx.Response:
        try:
            request = self._http.build_request(method, path, **parts)
        except UnicodeEncodeError as error:
            raise UsageError("Text that is not valid UTF-8 cannot be sent.") from error
        return calls.send(self._http, request, sleep=self._sleep)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _project(project_id: str) -> str:
    return f"projects/{quote(project_id, safe='')}"


def _job(project_id: str, job_id: str) -> str:
    return f"{_project(project_id)}/crawl-jobs/{quote(job_id, safe='')}"


def _validation(project_id: str, job_id: str, validation_id: str) -> str:
    return f"{_job(project_id, job_id)}/validation-jobs/{quote(validation_id, safe='')}"


def _export(project_id: str, job_id: str, export_id: str) -> str:
    return f"{_job(project_id, job_id)}/export-jobs/{quote(export_id, safe='')}"
