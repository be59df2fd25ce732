"""States of validation and export jobs, moved in SQL."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from crawlset.errors import ConflictError, NotFoundError
from crawlset.models import ACTIVE, ExportJob, JobStatus, ValidationJob

PipelineJob = ValidationJob | ExportJob
PipelineModel = type[ValidationJob] | type[ExportJob]

KINDS = {ValidationJob: "validation job", ExportJob: "export job"}


class JobCancelledError(ConflictError):
    """A step found its job cancelled; the execution ends here."""

    def __init__(self, kind: str, job_id: UUID) -> None:
        super().__init__(f"The {kind} {job_id} was cancelled.")


class JobFailedError(ConflictError):
    """A step found that its job has failed by another hand; the execution ends here."""

    def __init__(self, kind: str, job_id: UUID) -> None:
        super().__init__(f"The {kind} {job_id} has failed.")


class PipelineRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def enter(self, model: PipelineModel, job_id: UUID) -> bool:
        """
        Begin a step: the job runs from here, and is known to be alive. False: it is completed.

        In a transaction of its own, so that a cancel need not wait for the step.

        Raises:
            NotFoundError: the job was deleted.
            JobCancelledError, JobFailedError: it ended otherwise.
        """
        entered = self.session.scalar(
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
            self._check_completed(model, job_id)
        return entered is not None

    def complete(self, model: PipelineModel, job_id: UUID, **values: Any) -> bool:
        """
        Running -> completed, with `values`. False: it was completed before, and nothing changed.

        Raises: as `enter`.
        """
        completed = self.session.scalar(
            update(model)
            .where(model.id == job_id, model.status == JobStatus.running)
            .values(
                status=JobStatus.completed, finished_at=func.now(), updated_at=func.now(), **values
            )
            .returning(model.id)
            .execution_options(synchronize_session=False)
        )
        if completed is None:
            self._check_completed(model, job_id)
        return completed is not None

    def end(
        self,
        model: PipelineModel,
        job_id: UUID,
        status: JobStatus,
        error_message: str | None = None,
    ) -> JobStatus | None:
        """End an unfinished job; gives the state it is in now, none if there is no such job."""
        self.session.execute(
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
        state: JobStatus | None = self.session.scalar(
            select(model.status).where(model.id == job_id)
        )
        return state

    def touch(self, job: PipelineJob) -> None:
        """Mark the job alive."""
        model = type(job)
        self.session.execute(
            update(model)
            .where(model.id == job.id)
            .values(updated_at=func.now())
            .execution_options(synchronize_session=False)
        )

    def _check_completed(self, model: PipelineModel, job_id: UUID) -> None:
        status = self.session.scalar(select(model.status).where(model.id == job_id))
        kind = KINDS[model]
        if status is None:
            raise NotFoundError(kind, job_id)
        if status is JobStatus.cancelled:
            raise JobCancelledError(kind, job_id)
        if status is not JobStatus.completed:
            raise JobFailedError(kind, job_id)
