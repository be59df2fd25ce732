"""Work of the API on validation jobs."""

from uuid import UUID

from sqlalchemy.orm import Session, undefer

from crawlset.errors import ConflictError
from crawlset.jobs import pipeline_jobs
from crawlset.kit import db
from crawlset.kit.ids import new_id
from crawlset.models import CrawlJob, JobStatus, ValidationJob
from crawlset.observability import logger
from crawlset.validation import custom, leakage, measurements
from crawlset.validation.repository import ValidationRepository
from crawlset.validation.schemas import ReportRead, ValidationJobRead, ValidationRules


class ReportNotReadyError(ConflictError):
    def __init__(self, job: ValidationJob) -> None:
        super().__init__(f"Validation job {job.id} is {job.status}: it has no report.")


def check(session: Session, user_id: UUID, rules: ValidationRules) -> None:
    """
    Refuse rules that a validation of this user's could not follow.

    Every request that brings rules passes here, also when they are for later.

    Raises:
        UnknownValidatorError: the deployment allows no such validator.
        UnknownMeasurerError: the deployment has no such measurer.
        HashListError: a list of hashes is not there, or is too large.
        NotFoundError: a rule names a crawl job or an export that the user does not have.
    """
    custom.check(rules.rules)
    measurements.check(rules)
    leakage.check(session, user_id, rules.rules)


def add(session: Session, job: CrawlJob, rules: ValidationRules) -> ValidationJob:
    """
    Add a validation of what `job`, which is locked, has stored; `pipeline_jobs.start` runs it.

    Raises:
        CrawlJobNotCompletedError: `job` is neither completed nor cancelled.
    """
    pipeline_jobs.require_settled(job)
    validation_job = db.insert_row(
        session,
        ValidationJob,
        id=new_id(),
        user_id=job.user_id,
        crawl_job_id=job.id,
        validation_rules=rules.model_dump(mode="json"),
        status=JobStatus.pending,
    )
    logger.info(
        "validation_job_created", job_id=str(job.id), validation_job_id=str(validation_job.id)
    )
    return validation_job


def read_report(
    session: Session, project_id: UUID, job_id: UUID, validation_job_id: UUID
) -> tuple[CrawlJob, ReportRead]:
    """
    Give the report of a validation, and the crawl job that it is about.

    Raises:
        NotFoundError: the caller's project has no such job, or the job has no such validation.
        ReportNotReadyError: it is not completed.
    """
    job, validation_job = ValidationRepository(session).require(
        project_id, job_id, validation_job_id, undefer(ValidationJob.report)
    )
    if validation_job.report is None:
        raise ReportNotReadyError(validation_job)
    read = ValidationJobRead.of(validation_job)
    return job, ReportRead.model_validate(
        {
            "validation_job_id": validation_job.id,
            "counts": read.counts,
            "by_rule": read.by_rule,
            "warnings": read.warnings,
            **validation_job.report,
        }
    )


def cancel(session: Session, validation_job: ValidationJob) -> None:
    """
    Cancel; an export that waits for this validation is cancelled by the pipeline.

    Raises:
        JobFinishedError: it has ended.
    """
    pipeline_jobs.cancel(session, validation_job)
    logger.info("validation_job_cancelled", validation_job_id=str(validation_job.id))
