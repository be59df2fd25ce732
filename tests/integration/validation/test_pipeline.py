from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from crawlset.crawls import presenting
from crawlset.exports.schemas import ExportJobRead
from crawlset.models import CrawlJob, JobStatus, OutboxMessage, ValidationJob
from crawlset.pipeline import service as pipeline
from crawlset.validation.schemas import ValidationJobRead
from crawlset.wire.pipeline import Execution
from tests import factories
from tests.integration.api import Api
from tests.integration.executions import executions
from tests.integration.validation.steps import step

CHILD_FAILED = {"Error": "States.ExceedToleratedFailureThreshold", "Cause": "One failed."}

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.mark.role("crawlset_worker")
class TestFailValidation:
    @pytest.mark.parametrize(
        ("error", "message"),
        [
            (
                {
                    "Error": "JobCancelledError",
                    "Cause": '{"errorMessage": "It was cancelled.", "errorType": "x"}',
                },
                "It was cancelled.",
            ),
            (
                {"Error": "OperationalError", "Cause": '{"errorMessage": "host=10.0.0.1"}'},
                "A step ended with OperationalError.",
            ),
            ({"Error": "States.Timeout", "Cause": ""}, "A step ended with States.Timeout."),
            ({"Error": "NotFoundError", "Cause": "rubbish"}, "A step ended with NotFoundError."),
        ],
    )
    def test_says_why_without_giving_away_our_inside(
        self, session: Session, job: CrawlJob, error: dict[str, str], message: str
    ) -> None:
        validation_job = factories.create_validation_job(session, job, status=JobStatus.running)

        step(validation_job, "fail", error=error)

        session.refresh(validation_job)
        assert validation_job.status is JobStatus.failed
        assert validation_job.error_message == message

    @pytest.mark.parametrize(
        ("state", "reason", "told"),
        [
            (
                JobStatus.failed,
                "It is so.",
                {"Error": "JobFailedError", "Cause": '{"errorMessage": "It is so."}'},
            ),
            (JobStatus.cancelled, None, {"Error": "JobCancelledError", "Cause": ""}),
            (JobStatus.completed, None, CHILD_FAILED),
        ],
        ids=["failed", "cancelled", "completed"],
    )
    def test_tells_why_a_child_execution_failed(
        self,
        session: Session,
        job: CrawlJob,
        state: JobStatus,
        reason: str | None,
        told: dict[str, str],
    ) -> None:
        """A distributed map says only that one did; it has ended the job."""
        validation_job = factories.create_validation_job(
            session, job, status=state, error_message=reason
        )

        assert step(validation_job, "fail", error=CHILD_FAILED)["error"] == told

    @pytest.mark.parametrize("state", [JobStatus.completed, JobStatus.cancelled])
    def test_leaves_a_job_that_has_ended(
        self, session: Session, job: CrawlJob, state: JobStatus
    ) -> None:
        validation_job = factories.create_validation_job(session, job, status=state)

        step(validation_job, "fail", error={"Error": "States.Timeout"})

        session.refresh(validation_job)
        assert (validation_job.status, validation_job.error_message) == (state, None)


class TestCreatePipeline:
    def ask(self, api: Api, job: CrawlJob, body: dict[str, Any]) -> tuple[int, Any]:
        return api.call(
            "POST", f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/pipeline", body
        )

    def test_validates_and_exports_in_one_execution(
        self, session: Session, api: Api, job: CrawlJob
    ) -> None:
        body = {"validation_rules": {"preset": "strict"}, "export": {"format": "imagefolder"}}

        status, made = self.ask(api, job, body)

        assert status == 201
        [(name, execution)] = executions().items()
        assert name == f"job-{made['validation_job']['id']}"
        assert str(execution.export_job_id) == made["export_job"]["id"]
        assert made["export_job"]["validation_job_id"] == made["validation_job"]["id"]

    def test_is_logged_as_the_pipeline_of_its_crawl_job(self, api: Api, job: CrawlJob) -> None:
        self.ask(api, job, {})

        [item] = api.call("GET", "/api/activity")[1]["items"]
        assert (item["action"], item["resource_type"]) == ("pipeline.created", "pipeline")
        assert item["resource_id"] == str(job.id)

    def test_validates_only_when_no_export_is_asked_for(self, api: Api, job: CrawlJob) -> None:
        status, made = self.ask(api, job, {})

        assert (status, made["export_job"]) == (201, None)

    def test_answers_422_for_a_format_there_is_not(
        self, session: Session, api: Api, job: CrawlJob
    ) -> None:
        status, body = self.ask(api, job, {"export": {"format": "floppy"}})

        assert (status, body["errors"][0]["pointer"]) == (422, "/export/format")
        assert session.scalar(select(func.count()).select_from(ValidationJob)) == 0


def jobs_of(session: Session, job: CrawlJob) -> tuple[list[ValidationJobRead], list[ExportJobRead]]:
    """Those that the API shows."""
    shown = presenting.read_one(session, job)
    return shown.validation_jobs, shown.export_jobs


class TestPipeline:
    def test_chains_validation_and_export_in_one_execution(
        self, session: Session, job: CrawlJob
    ) -> None:
        job.validation_rules, job.export_request = {"preset": "strict"}, {"format": "imagefolder"}
        session.commit()

        pipeline.start_requested(session, job)

        validations, exports = jobs_of(session, job)
        (message,) = session.scalars(select(OutboxMessage))
        assert message.deduplication_id == f"job-{validations[0].id}"
        execution = Execution.from_json(message.body)
        assert execution.validation_job_id == validations[0].id
        assert execution.export_job_id == exports[0].id
        assert exports[0].validation_job_id == validations[0].id
        assert validations[0].validation_rules.preset == "strict"

    def test_starts_nothing_that_was_not_asked_for(self, session: Session, job: CrawlJob) -> None:
        pipeline.start_requested(session, job)

        assert jobs_of(session, job) == ([], [])
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 0

    def test_exports_everything_without_rules(self, session: Session, job: CrawlJob) -> None:
        job.export_request = {}
        session.commit()

        pipeline.start_requested(session, job)

        (export,) = jobs_of(session, job)[1]
        (message,) = session.scalars(select(OutboxMessage))
        assert message.deduplication_id == f"exp-{export.id}"
        execution = Execution.from_json(message.body)
        assert (execution.validation_job_id, export.validation_job_id) == (None, None)

    def test_fails_what_an_execution_left_unfinished(self, session: Session, job: CrawlJob) -> None:
        running = factories.create_validation_job(session, job, status=JobStatus.running)

        pipeline.fail(
            session, validation_job_id=running.id, export_job_id=None, reason="It was stopped."
        )

        session.refresh(running)
        assert (running.status, running.error_message) == (JobStatus.failed, "It was stopped.")


@pytest.mark.role("crawlset_tick")
class TestSweepPipeline:
    def age(self, session: Session, id_: UUID, **ages: str) -> None:
        for column, age in ages.items():
            session.execute(
                text(
                    f"UPDATE validation_jobs SET {column} = now() - CAST(:age AS interval)"
                    " WHERE id = :id"
                ),
                {"age": age, "id": id_},
            )
        session.commit()

    def test_starts_again_what_stood_still(self, session: Session, job: CrawlJob) -> None:
        stalled = factories.create_validation_job(session, job, status=JobStatus.running)
        factories.create_validation_job(session, job, status=JobStatus.running)
        self.age(session, stalled.id, updated_at="2 hours")

        n_swept = pipeline.sweep()

        (name,) = executions()
        assert n_swept == 1
        assert name.startswith(f"val-{stalled.id}-")
        assert pipeline.sweep() == 0

    def test_gives_up_after_a_day(self, session: Session, job: CrawlJob) -> None:
        stalled = factories.create_validation_job(session, job, status=JobStatus.running)
        self.age(session, stalled.id, updated_at="2 hours", created_at="25 hours")

        pipeline.sweep()

        session.refresh(stalled)
        assert (stalled.status, [*executions()]) == (JobStatus.failed, [])
        assert stalled.error_message == "The work stopped and could not be started again."

    def test_starts_everything_again_when_executions_were_lost(
        self, session: Session, job: CrawlJob
    ) -> None:
        job.validation_rules, job.export_request = {}, {}
        session.commit()
        pipeline.start_requested(session, job)
        session.execute(text("DELETE FROM outbox_messages"))
        session.execute(text("UPDATE validation_jobs SET updated_at = now() - interval '1 second'"))
        session.execute(text("UPDATE export_jobs SET updated_at = now() - interval '1 second'"))
        session.commit()

        pipeline.sweep(everything=True)

        (execution,) = executions().values()
        validations, exports = jobs_of(session, job)
        assert execution.validation_job_id == validations[0].id
        assert execution.export_job_id == exports[0].id
