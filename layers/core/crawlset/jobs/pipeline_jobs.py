"""What validation and export jobs share: their states, moved in SQL, and what runs them."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from crawlset import outbox
from crawlset.errors import AppError, ConflictError, NotFoundError
from crawlset.kit import db
from crawlset.models import CrawlJob, ExportJob, JobStatus, Target, ValidationJob
from crawlset.outbox import Message
from crawlset.wire.pipeline import Execution, StepError

PipelineJob = ValidationJob | ExportJob
PipelineModel = type[ValidationJob] | type[ExportJob]

ACTIVE = (JobStatus.pending, JobStatus.running)
SETTLED = (JobStatus.completed, JobStatus.cancelled)
"""A crawl job that has ended so may have stored pictures; a failed one has none."""
MAX_MESSAGE = 2_000
KINDS = {ValidationJob: "validation job", ExportJob: "export job"}


class CrawlJobNotCompletedError(ConflictError):
    def __init__(self, job: CrawlJob) -> None:
        super().__init__(f"Crawl job {job.id} is {job.status}, not completed.")


class JobFinishedError(ConflictError):
    def __init__(self, job: PipelineJob) -> None:
        super().__init__(f"The {KINDS[type(job)]} {job.id} is {job.status} already.")


class JobCancelledError(ConflictError):
    """A step found its job cancelled; the execution ends here."""

    def __init__(self, kind: str, job_id: UUID) -> None:
        super().__init__(f"The {kind} {job_id} was cancelled.")


class JobFailedError(ConflictError):
    """A step found that its job has failed by another hand; the execution ends here."""

    def __init__(self, kind: str, job_id: UUID) -> None:
        super().__init__(f"The {kind} {job_id} has failed.")


def explain(error: StepError | None) -> str:
    """A line for the job's owner: our own errors in their words, others by name only."""
    if error is None:
        return "A step failed."
    if error.Error in _names_of(AppError):
        try:
            return str(json.loads(error.Cause)["errorMessage"])[:MAX_MESSAGE]
        except (ValueError, KeyError, TypeError):
            pass
    return f"A step ended with {error.Error[:200]}."


def require_settled(session: Session, job: CrawlJob) -> None:
    """
    Hold `job` completed or cancelled until the transaction ends: it is not reopened meanwhile.

    Raises:
        CrawlJobNotCompletedError: it is neither.
        NotFoundError: it was deleted meanwhile.
    """
    db.lock(session, job, "crawl job", read=True)
    if job.status not in SETTLED:
        raise CrawlJobNotCompletedError(job)


def start(
    session: Session, first: PipelineJob, then: ExportJob | None = None, *, again: str = ""
) -> None:
    """
    Start one execution of the pipeline when the transaction commits.

    It runs a validation, an export, or a validation and `then` the export that waits for it. Its
    name is made from their ids, so that a message sent twice starts it once; `again` tells a later
    execution of the same jobs from the first.
    """
    validation_job = first if isinstance(first, ValidationJob) else None
    export_job = first if isinstance(first, ExportJob) else then
    prefix = "exp" if validation_job is None else "val" if export_job is None else "job"
    execution = Message(
        target=Target.pipeline,
        body=Execution(
            first.user_id,
            first.crawl_job_id,
            validation_job.id if validation_job else None,
            export_job.id if export_job else None,
        ).to_json(),
        deduplication_id="-".join(filter(None, (prefix, str(first.id), again))),
    )
    outbox.post(session, [execution])


def enter(session: Session, model: PipelineModel, job_id: UUID) -> bool:
    """
    Begin a step: the job runs from here, and is known to be alive. False: it is completed.

    In a transaction of its own, so that a cancel need not wait for the step.

    Raises:
        NotFoundError: the job was deleted.
        JobCancelledError, JobFailedError: it ended otherwise.
    """
    entered = session.scalar(
        update(model)
        .where(model.id == job_id, model.status.in_(ACTIVE))
        .values(
            status=JobStatus.running,
            started_at=func.coalesce(model.started_at, func.now()),
            updated_at=func.now(),
        )
        .returning(model.id)
        .execution_options(synchronize_session=False)
    )
    if entered is None:
        _check_completed(session, model, job_id)
    return entered is not None


def complete(session: Session, model: PipelineModel, job_id: UUID, **values: Any) -> bool:
    """
    Running -> completed, with `values`. False: it was completed before, and nothing changed.

    Raises: as `enter`.
    """
    completed = session.scalar(
        update(model)
        .where(model.id == job_id, model.status == JobStatus.running)
        .values(status=JobStatus.completed, finished_at=func.now(), updated_at=func.now(), **values)
        .returning(model.id)
        .execution_options(synchronize_session=False)
    )
    if completed is None:
        _check_completed(session, model, job_id)
    return completed is not None


def end(
    session: Session,
    model: PipelineModel,
    job_id: UUID,
    status: JobStatus,
    error_message: str | None = None,
) -> JobStatus | None:
    """End an unfinished job; gives the state it is in now, none if there is no such job."""
    session.execute(
        update(model)
        .where(model.id == job_id, model.status.in_(ACTIVE))
        .values(
            status=status,
            error_message=error_message,
            finished_at=func.now(),
            updated_at=func.now(),
        )
        .execution_options(synchronize_session=False)
    )
    state: JobStatus | None = session.scalar(select(model.status).where(model.id == job_id))
    return state


def cancel(session: Session, job: PipelineJob) -> None:
    """
    Raises:
        JobFinishedError: it has ended.
    """
    before = job.status
    end(session, type(job), job.id, JobStatus.cancelled)
    session.refresh(job)
    if job.status is not JobStatus.cancelled or before is JobStatus.cancelled:
        raise JobFinishedError(job)


def touch(session: Session, job: PipelineJob) -> None:
    """Mark the job alive."""
    model = type(job)
    session.execute(
        update(model)
        .where(model.id == job.id)
        .values(updated_at=func.now())
        .execution_options(synchronize_session=False)
    )


def _check_completed(session: Session, model: PipelineModel, job_id: UUID) -> None:
    status = session.scalar(select(model.status).where(model.id == job_id))
    kind = KINDS[model]
    if status is None:
        raise NotFoundError(kind, job_id)
    if status is JobStatus.cancelled:
        raise JobCancelledError(kind, job_id)
    if status is not JobStatus.completed:
        raise JobFailedError(kind, job_id)


def _names_of(base: type[AppError]) -> set[str]:
    return {base.__name__}.union(*(_names_of(kind) for kind in base.__subclasses__()))
