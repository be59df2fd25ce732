"""
The rights in a dataset: provenance, takedowns, and the public summary of training content.

    with Rights("http://127.0.0.1:8480", key) as crawlset:
        takedown = crawlset.create_takedown(project.id, "host", value="photos.example.org")
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from crawlset_client.api import Crawlset
from crawlset_client.models import Record


class AffectedExport(Record, kw_only=True):
    export_job_id: str
    crawl_job_id: str
    n_images: int


class Takedown(Record, kw_only=True):
    id: str
    kind: str
    value: str
    status: str
    n_images: int = 0
    n_exports: int = 0
    exports: list[AffectedExport]
    created_at: datetime

    @property
    def is_final(self) -> bool:
        return self.status == "completed"


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
    ) -> Takedown:
        """
        Remove the images of a `url`, `host` or `creator`, or that `look_alike` an image or a hash,
        and keep them out.
        """
        fields: Mapping[str, Any] = {
            "kind": kind,
            "value": value,
            "image_id": image_id,
            "max_distance": max_distance,
            "reason": reason,
        }
        body = {name: given for name, given in fields.items() if given is not None}
        return self._post(Takedown, _takedowns(project_id), body)

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


def _project(project_id: str) -> str:
    return f"projects/{quote(project_id, safe='')}"


def _takedowns(project_id: str) -> str:
    return f"{_project(project_id)}/takedowns"
