"""
The steps of a validation, run by the pipeline's state machine.

Each may run again, after it failed or though it did not: it begins where it left off or changes
nothing. A step of a completed job does nothing; of a cancelled one it raises `JobCancelledError`.
"""

from collections.abc import Callable
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from crawlset import pipeline_jobs
from crawlset.kit import db
from crawlset.models import JobStatus, ValidationJob
from crawlset.observability import logger, metrics
from crawlset.pipeline_jobs import StepError
from crawlset.validation.checks import checks_of
from crawlset.validation.repository import VerdictRepository
from crawlset.validation.schemas import ValidationRules

IMAGES_PER_STATEMENT = 50_000
"""Keeps a statement over the largest job well below the time limit of the worker's login."""


class ValidationStep(BaseModel):
    """The state machine's message."""

    v: Literal[1] = 1
    step: Literal["prepare", "evaluate", "deduplicate", "finish", "fail"]
    user_id: UUID
    job_id: UUID
    validation_job_id: UUID
    error: StepError | None = None


def run(message: ValidationStep) -> None:
    """
    Raises:
        JobCancelledError, JobFailedError: the job ended by another hand.
        NotFoundError: it was deleted.
    """
    if message.step == "fail":
        fail(message)
    elif _enter(message):
        STEPS[message.step](message)
    logger.info("validation_step_done", step=message.step)


def prepare(message: ValidationStep) -> None:
    """Pending -> running, which entering has done."""


def evaluate(message: ValidationStep) -> None:
    """Judge each stored image by the rules."""
    with db.transaction(message.user_id) as session:
        job = session.get_one(ValidationJob, message.validation_job_id)
        checks = list(checks_of(ValidationRules.model_validate(job.validation_rules)))
        repository = VerdictRepository(session)
        last: int | None = 0
        while last is not None:
            last = repository.evaluate(job, checks, last, IMAGES_PER_STATEMENT)


def deduplicate(message: ValidationStep) -> None:
    """
    Reject kept images with the bytes of another.

    Recording keeps the bytes of a job once already. This holds for jobs recorded otherwise, and
    near duplicates will follow here.
    """
    with db.transaction(message.user_id) as session:
        job = session.get_one(ValidationJob, message.validation_job_id)
        if ValidationRules.model_validate(job.validation_rules).exact_duplicates:
            VerdictRepository(session).reject_exact_duplicates(job)


def finish(message: ValidationStep) -> None:
    """Count the verdicts, and complete."""
    with db.transaction(message.user_id) as session:
        job = session.get_one(ValidationJob, message.validation_job_id)
        counts = VerdictRepository(session).count(job)
        is_first = pipeline_jobs.complete(
            session,
            ValidationJob,
            job.id,
            n_kept=counts.n_kept,
            n_rejected=counts.n_rejected,
            by_rule=counts.by_rule,
        )
    if is_first:
        metrics.add_metric(name="ImagesKept", unit="Count", value=counts.n_kept)
        metrics.add_metric(name="ImagesRejected", unit="Count", value=counts.n_rejected)
        logger.info("validation_job_completed", kept=counts.n_kept, rejected=counts.n_rejected)


def fail(message: ValidationStep) -> None:
    """Write down what went wrong, unless the job has ended."""
    reason = message.error.explain() if message.error else "A step failed."
    with db.transaction(message.user_id) as session:
        status = pipeline_jobs.end(
            session, ValidationJob, message.validation_job_id, JobStatus.failed, reason
        )
    logger.warning("validation_job_stopped", status=status, reason=reason)


STEPS: dict[str, Callable[[ValidationStep], None]] = {
    "prepare": prepare,
    "evaluate": evaluate,
    "deduplicate": deduplicate,
    "finish": finish,
}


def _enter(message: ValidationStep) -> bool:
    with db.transaction(message.user_id) as session:
        return pipeline_jobs.enter(session, ValidationJob, message.validation_job_id)
