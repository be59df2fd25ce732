"""Export jobs and the files they have written."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crawlset_client import transfers
from crawlset_client.api.connection import Resource, given, ignore, in_job
from crawlset_client.models import ExportFile, ExportJob
from crawlset_client.transfers import Advance


class Exports(Resource):
    """Export jobs of a crawl job."""

    def create(
        self,
        project_id: str,
        job_id: str,
        format: str,  # noqa: A002 - the field's own name
        *,
        validation_job_id: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> ExportJob:
        body = given(format=format, validation_job_id=validation_job_id, export_options=options)
        return self._connection.post(ExportJob, _in_exports(project_id, job_id), body)

    def list(self, project_id: str, job_id: str) -> Iterator[ExportJob]:
        return self._connection.list(ExportJob, _in_exports(project_id, job_id))

    def get(self, project_id: str, job_id: str, export_id: str) -> ExportJob:
        return self._connection.get(ExportJob, _in_exports(project_id, job_id, export_id))

    def cancel(self, project_id: str, job_id: str, export_id: str) -> ExportJob:
        path = _in_exports(project_id, job_id, export_id, "cancel")
        return self._connection.post(ExportJob, path)

    def list_files(self, project_id: str, job_id: str, export_id: str) -> Iterator[ExportFile]:
        """The files of a completed export; their addresses are good for a limited time."""
        path = _in_exports(project_id, job_id, export_id, "files")
        return self._connection.list(ExportFile, path)

    def download(self, file: ExportFile, target: Path, *, advance: Advance = ignore) -> None:
        """
        Download `file` to `target`, which is there only once size and SHA-256 are right.

        Raises `ExportDamagedError` when they are not.
        """
        storage, sleep = self._connection.storage, self._connection.sleep
        transfers.get(storage, file, target, advance=advance, sleep=sleep)


def _in_exports(project_id: str, job_id: str, *parts: str) -> str:
    return in_job(project_id, job_id, "export-jobs", *parts)
