"""Takedowns: images hidden, then removed for good."""

from collections.abc import Iterator
from datetime import datetime

from crawlset_client.api.connection import Resource, given, in_project
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


class Takedowns(Resource):
    """Takedowns in a project."""

    def create(
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
        body = given(
            kind=kind,
            value=value,
            image_id=image_id,
            max_distance=max_distance,
            reason=reason,
            grace_hours=grace_hours,
        )
        return self._connection.post(Takedown, _in_takedowns(project_id), body)

    def preview(
        self,
        project_id: str,
        kind: str,
        *,
        value: str | None = None,
        image_id: int | None = None,
        max_distance: int | None = None,
    ) -> TakedownPreview:
        """Count what `create` would take down; nothing is changed."""
        body = given(kind=kind, value=value, image_id=image_id, max_distance=max_distance)
        return self._connection.post(TakedownPreview, _in_takedowns(project_id, "preview"), body)

    def revoke(self, project_id: str, takedown_id: str) -> Takedown:
        """Take a takedown back within its grace: its images and exports are as before, soon."""
        path = _in_takedowns(project_id, takedown_id, "revoke")
        return self._connection.post(Takedown, path)

    def list(self, project_id: str) -> Iterator[Takedown]:
        """Takedowns, newest first."""
        return self._connection.list(Takedown, _in_takedowns(project_id))

    def get(self, project_id: str, takedown_id: str) -> Takedown:
        return self._connection.get(Takedown, _in_takedowns(project_id, takedown_id))


def _in_takedowns(project_id: str, *parts: str) -> str:
    return in_project(project_id, "takedowns", *parts)
