"""Projects, what is uploaded into them, and the sources that crawl jobs in them may ask."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crawlset_client import transfers
from crawlset_client.api.connection import Resource, given, ignore, in_project
from crawlset_client.models import Document, Project, Source, Upload
from crawlset_client.transfers import Advance


class Projects(Resource):
    """Projects, each of which holds crawl jobs."""

    def create(self, name: str, description: str | None = None) -> Project:
        body = given(name=name, description=description)
        return self._connection.post(Project, "projects", body)

    def list(self, *, deleted: bool = False) -> Iterator[Project]:
        """Projects, newest first; with `deleted`, those that can be restored."""
        return self._connection.list(Project, "projects", deleted="true" if deleted else None)

    def get(self, project_id: str) -> Project:
        return self._connection.get(Project, in_project(project_id))

    def update(
        self, project_id: str, *, name: str | None = None, description: str | None = None
    ) -> Project:
        body = given(name=name, description=description)
        return self._connection.patch(Project, in_project(project_id), body)

    def delete(self, project_id: str, *, grace_hours: int | None = None) -> Project:
        """
        Delete the project and all its jobs.

        It can be restored for `grace_hours`, 0 to 720, or else for a day; then it is removed.
        """
        return self._connection.delete_later(Project, in_project(project_id), grace_hours)

    def restore(self, project_id: str) -> Project:
        """Take the deletion of a project back, and of the jobs that were deleted with it."""
        return self._connection.post(Project, in_project(project_id, "restore"))

    def get_summary(
        self, project_id: str, *, job_id: str | None = None, is_sme: bool = False
    ) -> dict[str, Any]:
        """Sections 2.3 and 3.1 of the EU's public summary of training content."""
        size = "sme" if is_sme else "other"
        params = given(provider_size=size, crawl_job_id=job_id)
        path = in_project(project_id, "summary")
        return self._connection.get(Document, path, **params).document


class Uploads(Resource):
    """Manifests on their way into a crawl job."""

    def create(self, project_id: str, file_size: int) -> Upload:
        """A place for a manifest of exactly `file_size` bytes, open for an hour."""
        request = {"file_size": file_size}
        return self._connection.post(Upload, in_project(project_id, "uploads"), request)

    def send(self, project_id: str, path: Path, *, advance: Advance = ignore) -> Upload:
        """Upload a manifest of at most 4 GiB; its `upload_id` goes into a crawl job."""
        upload = self.create(project_id, path.stat().st_size)
        storage, sleep = self._connection.storage, self._connection.sleep
        transfers.put(storage, upload, path, advance=advance, sleep=sleep)
        return upload


class Sources(Resource):
    """Sources of candidates that this deployment knows."""

    def list(self) -> Iterator[Source]:
        return self._connection.list(Source, "sources", paged=False)
