"""What a user may do with validation jobs."""

from uuid import UUID

from sqlalchemy.orm import Session

from crawlset import outbox
from crawlset.errors import ConflictError, NotFoundError
from crawlset.jobs import pipeline_jobs
from crawlset.kit.ids import new_id
from crawlset.models import CrawlJob, JobStatus, ValidationJob
from crawlset.observability import logger
from crawlset.validation import custom, leakage
from crawlset.validation.repository import ValidationRepository
from crawlset.validation.schemas import ReportRead, ValidationJobRead, ValidationRules


class ReportNotReadyError(ConflictError):
    def __init__(self, job: ValidationJob) -> None:
        super().__init__(f"Validation job {job.id} is {job.status}: it has no report.")


def check(user_id: UUID, rules: ValidationRules, pointer: str = "/validation_rules") -> None:
    """
    What of the rules can be checked without the database.

    Raises:
        UnknownValidatorError: the deployment allows no such validator.
        HashListError: a list of hashes is not there, or is too large.
    """
    custom.check(rules.rules, pointer)
    leakage.check_lists(user_id, rules.rules)


def create(session: Session, job: CrawlJob, rules: ValidationRules) -> ValidationJob:
    """
    Validate what `job` has stored, as soon as the transaction commits.

    Raises:
        CrawlJobNotCompletedError: `job` is neither completed nor cancelled.
        NotFoundError: a rule is about a job or an export that the caller does not have.
    """
    leakage.require_sets(session, rules.rules)
    validation_job = add(session, job, rules)
    outbox.post(session, [pipeline_jobs.execution(validation_job, None)])
    return validation_job


def add(session: Session, job: CrawlJob, rules: ValidationRules) -> ValidationJob:
    """As `create`, for a caller that starts the execution itself."""
    pipeline_jobs.require_settled(session, job)
    validation_job = ValidationJob(
        id=new_id(),
        user_id=job.user_id,
        crawl_job_id=job.id,
        validation_rules=rules.model_dump(mode="json"),
        status=JobStatus.pending,
    )
    ValidationRepository(session).add(validation_job)
    logger.info(
        "validation_job_created", job_id=str(job.id), validation_job_id=str(validation_job.id)
    )
    return validation_job


def require(session: Session, job: CrawlJob, validation_job_id: UUID) -> ValidationJob:
    """
    Raises:
        NotFoundError: `job` has no such validation.
    """
    validation_job = ValidationRepository(session).get(job.id, validation_job_id)
    if validation_job is None:
        raise NotFoundError("validation job", validation_job_id)
    return validation_job


def read_report(session: Session, job: CrawlJob, validation_job_id: UUID) -> ReportRead:
    """
    Raises:
        NotFoundError: `job` has no such validation.
        ReportNotReadyError: it is not completed.
    """
    validation_job = require(session, job, validation_job_id)
    if validation_job.report is None:
        raise ReportNotReadyError(validation_job)
    read = ValidationJobRead.of(validation_job)
    return ReportRead.model_validate(
        {
            "validation_job_id": validation_job.id,
            "counts": read.counts,
            "by_rule": read.by_rule,
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
