"""What validation and export jobs share: what runs them, and what is said of their end."""

import json

from sqlalchemy.orm import Session

from crawlset import outbox
from crawlset.errors import AppError, ConflictError
from crawlset.jobs.pipeline_repository import (
    KINDS,
    JobCancelledError,
    JobFailedError,
    PipelineJob,
    PipelineRepository,
)
from crawlset.models import CrawlJob, ExportJob, JobStatus, Target, ValidationJob
from crawlset.outbox import Message
from crawlset.wire.pipeline import Execution, StepError

SETTLED = (JobStatus.completed, JobStatus.cancelled)
"""A crawl job that has ended so may have stored pictures; a failed one has none."""
MAX_MESSAGE = 2_000
CHILD_FAILED = "States.ExceedToleratedFailureThreshold"
"""https://docs.aws.amazon.com/step-functions/latest/dg/maprun-fail-threshold.html"""


class CrawlJobNotCompletedError(ConflictError):
    def __init__(self, job: CrawlJob) -> None:
        super().__init__(f"Crawl job {job.id} is {job.status}, not completed.")


class JobFinishedError(ConflictError):
    def __init__(self, job: PipelineJob) -> None:
        super().__init__(f"The {KINDS[type(job)]} {job.id} is {job.status} already.")


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


def why_ended(error: StepError | None, job: PipelineJob | None) -> StepError:
    """
    Tell a state machine why its execution ends, by what its Catch saw and what is on the job.

    A distributed map says only that a child execution failed; the child has ended the job before.
    """
    if error is None:
        return StepError("States.TaskFailed")
    if job is not None and error.Error == CHILD_FAILED:
        if job.status is JobStatus.cancelled:
            return StepError(JobCancelledError.__name__)
        if job.status is JobStatus.failed and job.error_message:
            cause = json.dumps({"errorMessage": job.error_message})
            return StepError(JobFailedError.__name__, cause)
    return error


def require_settled(job: CrawlJob) -> None:
    """
    Check that a locked job is completed or cancelled; so it is not reopened meanwhile.

    Raises:
        CrawlJobNotCompletedError: it is neither.
    """
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


def cancel(session: Session, job: PipelineJob) -> None:
    """
    Raises:
        JobFinishedError: it has ended.
    """
    before = job.status
    PipelineRepository(session).end(type(job), job.id, JobStatus.cancelled)
    session.refresh(job)
    if job.status is not JobStatus.cancelled or before is JobStatus.cancelled:
        raise JobFinishedError(job)


def _names_of(base: type[AppError]) -> set[str]:
    return {base.__name__}.union(*(_names_of(kind) for kind in base.__subclasses__()))
