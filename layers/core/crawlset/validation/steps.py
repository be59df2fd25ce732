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
from crawlset.models import JobStatus, ValidationJob, Verdict
from crawlset.observability import logger, metrics
from crawlset.pipeline_jobs import StepError
from crawlset.validation import reporting
from crawlset.validation.checks import checks_of
from crawlset.validation.dataset_rules import broken_by
from crawlset.validation.repository import VerdictRepository, duplicates
from crawlset.validation.rules import NearDuplicatesRule, Rule
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
    """Judge each stored image by the image rules."""
    with db.transaction(message.user_id) as session:
        job = session.get_one(ValidationJob, message.validation_job_id)
        checks = list(checks_of(_rules_of(job)))
        repository = VerdictRepository(session)
        last: int | None = 0
        while last is not None:
            last = repository.evaluate(job, checks, last, IMAGES_PER_STATEMENT)


def deduplicate(message: ValidationStep) -> None:
    """Judge what is left by the dataset rules, in their order: each sees what those before left."""
    with db.transaction(message.user_id) as session:
        job = session.get_one(ValidationJob, message.validation_job_id)
        repository = VerdictRepository(session)
        for rule in _rules_of(job):
            if isinstance(rule, NearDuplicatesRule):
                _cluster(repository, job, rule)
            elif (broken := broken_by(rule, job)) is not None:
                repository.note(job, rule, broken)


def _cluster(repository: VerdictRepository, job: ValidationJob, rule: NearDuplicatesRule) -> None:
    from crawlset.validation import clustering  # noqa: PLC0415 - brings numpy

    images = clustering.hashed(repository.stream_hashes(job))
    found = clustering.cluster(images, rule.params.radius)
    repository.note_clusters(job, found.members, found.keepers)
    others = found.without_keepers()
    repository.note(
        job,
        rule,
        duplicates(others.members, others.keepers, others.distances, rule.params.radius),
    )
    logger.info("near_duplicates_found", images=len(images.ids), duplicates=len(others.members))


def finish(message: ValidationStep) -> None:
    """Count the verdicts, and complete."""
    with db.transaction(message.user_id) as session:
        job = session.get_one(ValidationJob, message.validation_job_id)
        counts = VerdictRepository(session).count(job)
        n_kept, n_rejected = counts.verdicts[Verdict.keep], counts.verdicts[Verdict.reject]
        is_first = pipeline_jobs.complete(
            session,
            ValidationJob,
            job.id,
            n_kept=n_kept,
            n_quarantined=counts.verdicts[Verdict.quarantine],
            n_rejected=n_rejected,
            n_errors=counts.verdicts[Verdict.error],
            by_rule=counts.by_rule,
            report=reporting.report(session, job),
        )
    if is_first:
        metrics.add_metric(name="ImagesKept", unit="Count", value=n_kept)
        metrics.add_metric(name="ImagesRejected", unit="Count", value=n_rejected)
        logger.info("validation_job_completed", verdicts=counts.verdicts)


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


def _rules_of(job: ValidationJob) -> list[Rule]:
    return ValidationRules.model_validate(job.validation_rules).resolved()


def _enter(message: ValidationStep) -> bool:
    with db.transaction(message.user_id) as session:
        return pipeline_jobs.enter(session, ValidationJob, message.validation_job_id)
