"""Validation jobs, with their verdicts and report pages."""

from collections.abc import Iterator, Mapping
from typing import Any

from crawlset_client.api.connection import Resource, given, in_job
from crawlset_client.models import ValidationJob, Verdict


class Validations(Resource):
    """Validation jobs of a crawl job."""

    def create(
        self, project_id: str, job_id: str, rules: Mapping[str, Any] | None = None
    ) -> ValidationJob:
        """Judge the stored images again; without `rules` by the service's own."""
        body = given(validation_rules=rules)
        return self._connection.post(ValidationJob, _in_validations(project_id, job_id), body)

    def list(self, project_id: str, job_id: str) -> Iterator[ValidationJob]:
        return self._connection.list(ValidationJob, _in_validations(project_id, job_id))

    def get(self, project_id: str, job_id: str, validation_id: str) -> ValidationJob:
        path = _in_validations(project_id, job_id, validation_id)
        return self._connection.get(ValidationJob, path)

    def cancel(self, project_id: str, job_id: str, validation_id: str) -> ValidationJob:
        path = _in_validations(project_id, job_id, validation_id, "cancel")
        return self._connection.post(ValidationJob, path)

    def list_verdicts(self, project_id: str, job_id: str, validation_id: str) -> Iterator[Verdict]:
        path = _in_validations(project_id, job_id, validation_id, "verdicts")
        return self._connection.list(Verdict, path)

    def read_report_page(self, project_id: str, job_id: str, validation_id: str) -> bytes:
        """What a completed validation found, as an HTML page with its pictures."""
        path = _in_validations(project_id, job_id, validation_id, "report.html")
        return self._connection.send("GET", path).content


def _in_validations(project_id: str, job_id: str, *parts: str) -> str:
    return in_job(project_id, job_id, "validation-jobs", *parts)
