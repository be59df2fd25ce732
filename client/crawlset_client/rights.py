"""
The rights in a dataset: provenance, takedowns, and the public summary of training content.

    with Rights("http://127.0.0.1:8480", key) as crawlset:
        takedown = crawlset.create_takedown(project.id, "host", value="photos.example.org")
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from crawlset_client.api import Crawlset
from crawlset_client.models import Record

BUSY = frozenset({"pending", "removing", "revoking"})


class AffectedExport(Record, kw_only=True):
    export_job_id: str
    crawl_job_id: str
    n_images: int


class TakedownPreview(Record, kw_only=True):
    """What a takedown would do, had it been asked for."""

    n_images: int
    n_stored: int
    n_bytes: int
    n_jobs: int
    n_exports: int
    exports: list[AffectedExport]
    removes_at: datetime


class Takedown(Record, kw_only=True):
    id: str
    kind: str
    value: str
    status: str
    n_images: int = 0
    n_exports: int = 0
    exports: list[AffectedExport]
    created_at: datetime
    removes_at: datetime | None = None
    """Until then it can be revoked; then the bytes go."""

    @property
    def is_busy(self) -> bool:
        """Whether it changes by itself soon; a hidden one waits for the end of its grace."""
        return self.status in BUSY

    @property
    def is_revocable(self) -> bool:
        """Whether it may be revoked, as long as its grace is not over."""
        has_grace = self.removes_at is not None and self.removes_at > self.created_at
        return has_grace and self.status in {"pending", "hidden"}

    @property
    def is_final(self) -> bool:
        return self.status in {"completed", "revoked"}


class Document(Record, kw_only=True):
    """A document that is shown as it is."""


class Rights(Crawlset):
    """The service, with its ledger of rights."""

    def create_takedown(
        self,
        project_id: str,
        kind: str,
        *,
        value: str | None = None,
        image_id: int | None = None,
        max_distance: int | None = None,
        reason: str | None = None,
        grace_hours: int | None = None,
    ) -> Takedown:
        """
        Hide the images of a `url`, `host` or `creator`, or that `look_alike` an image or a hash,
        and keep them out.

        Their bytes are removed when the grace is over: after `grace_hours`, or as long as the
        service usually waits; 0 for at once.
        """
        body = _given(
            kind=kind,
            value=value,
            image_id=image_id,
            max_distance=max_distance,
            reason=reason,
            grace_hours=grace_hours,
        )
        return self._post(Takedown, _takedowns(project_id), body)

    def preview_takedown(
        self,
        project_id: str,
        kind: str,
        *,
        value: str | None = None,
        image_id: int | None = None,
        max_distance: int | None = None,
    ) -> TakedownPreview:
        """What `create_takedown` would do; nothing is changed."""
        body = _given(kind=kind, value=value, image_id=image_id, max_distance=max_distance)
        return self._post(TakedownPreview, f"{_takedowns(project_id)}/preview", body)

    def revoke_takedown(self, project_id: str, takedown_id: str) -> Takedown:
        """Take a takedown back within its grace: its images and exports are as before, soon."""
        path = f"{_takedowns(project_id)}/{quote(takedown_id, safe='')}/revoke"
        return self._post(Takedown, path)

    def list_takedowns(self, project_id: str) -> Iterator[Takedown]:
        """Newest first."""
        return self._list(Takedown, _takedowns(project_id))

    def get_takedown(self, project_id: str, takedown_id: str) -> Takedown:
        return self._get(Takedown, f"{_takedowns(project_id)}/{quote(takedown_id, safe='')}")

    def get_provenance(self, project_id: str, job_id: str, image_id: int) -> dict[str, Any]:
        """Where a candidate comes from, what was said about using it, and what decided."""
        path = f"{_project(project_id)}/crawl-jobs/{quote(job_id, safe='')}/images/{image_id}"
        return self._get(Document, f"{path}/provenance").document

    def get_summary(
        self, project_id: str, *, job_id: str | None = None, is_sme: bool = False
    ) -> dict[str, Any]:
        """Sections 2.3 and 3.1 of the EU's public summary of training content."""
        params = {"provider_size": "sme" if is_sme else "other"}
        if job_id is not None:
            params["crawl_job_id"] = job_id
        response = self._send("GET", f"{_project(project_id)}/summary", params=params)
        return self._read(Document, response).document


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _project(project_id: str) -> str:
    return f"projects/{quote(project_id, safe='')}"


def _takedowns(project_id: str) -> str:
    return f"{_project(project_id)}/takedowns"
