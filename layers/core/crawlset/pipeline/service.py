"""Validation and export after a crawl, in one execution of the state machine."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

from crawlset.errors import UnprocessableError
from crawlset.exports import files
from crawlset.exports import service as exports
from crawlset.exports.repository import ExportRepository
from crawlset.exports.schemas import ExportRequest
from crawlset.jobs import pipeline_jobs
from crawlset.jobs.pipeline_repository import KINDS, PipelineJob, PipelineRepository
from crawlset.kit import db
from crawlset.models import ACTIVE, CrawlJob, ExportJob, JobStatus, ValidationJob
from crawlset.observability import logger
from crawlset.validation import service as validation
from crawlset.validation.repository import ValidationRepository
from crawlset.validation.schemas import ValidationRules

STALLED_AFTER = timedelta(hours=1)
"""A step takes 15 minutes at most and marks its job when it begins; with its retries and those
before it in a Map, a job unmarked for so long has lost its execution."""
GIVE_UP_AFTER = timedelta(days=1)
SWEPT_AT_ONCE = 100
GAVE_UP = "The work stopped and could not be started again."


def check(
    session: Session,
    user_id: UUID,
    rules: Mapping[str, Any] | ValidationRules | None,
    export: Mapping[str, Any] | ExportRequest | None,
) -> None:
    """
    Refuse a validation or an export that could not be made, now or when a crawl completes.

    Raises:
        UnprocessableError: they are malformed, or name a validator or a list that is not there.
        NotFoundError: a rule names a crawl job or an export that the user does not have.
    """
    parsed = None
    if rules is not None:
        parsed = _parse(ValidationRules, rules, "/validation_rules")
    if export is not None:
        _parse(ExportRequest, export, "/export")
    if parsed is not None:
        validation.check(session, user_id, parsed)


def start_requested(session: Session, job: CrawlJob) -> None:
    """Start what a crawl job asked for when it completes: validation, export, both or neither."""
    validation_job = export_job = None
    if job.validation_rules is not None:
        rules = ValidationRules.model_validate(job.validation_rules)
        validation_job = validation.add(session, job, rules)
    if job.export_request is not None:
        export = ExportRequest.model_validate(job.export_request)
        export_job = exports.add(session, job, export, validation_job)
    if validation_job is not None:
        pipeline_jobs.start(session, validation_job, export_job)
    elif export_job is not None:
        pipeline_jobs.start(session, export_job)


def validate_and_export(
    session: Session, job: CrawlJob, rules: ValidationRules, export: ExportRequest | None
) -> tuple[ValidationJob, ExportJob | None]:
    """
    Validate by `rules`, and export what is kept, in one execution.

    Raises:
        CrawlJobNotCompletedError: `job` is neither completed nor cancelled.
        UnknownKeywordError: `export` maps a keyword that `job` does not have.
    """
    if export is not None:
        exports.require_keywords(session, job, export, "/export")
    validation_job = validation.add(session, job, rules)
    export_job = exports.add(session, job, export, validation_job) if export else None
    pipeline_jobs.start(session, validation_job, export_job)
    return validation_job, export_job


def fail(
    session: Session,
    *,
    validation_job_id: UUID | None,
    export_job_id: UUID | None,
    reason: str,
) -> None:
    """End what an execution has left unfinished."""
    if validation_job_id is not None:
        PipelineRepository(session).end(ValidationJob, validation_job_id, JobStatus.failed, reason)
    if export_job_id is not None:
        PipelineRepository(session).end(ExportJob, export_job_id, JobStatus.failed, reason)


def sweep(*, everything: bool = False) -> int:
    """
    Start again what has lost its execution, or give it up after a day; say how many jobs.

    With `everything`, whatever is unfinished: after the executions were lost. A second execution
    beside one that lives changes nothing.
    """
    with db.transaction() as session:
        now = db.now(session)
        stalled_since = now if everything else now - STALLED_AFTER
        given_up_since = None if everything else now - GIVE_UP_AFTER
        validations = ValidationRepository(session).lock_stalled(stalled_since, SWEPT_AT_ONCE)
        for validation_job in validations:
            export_job = ExportRepository(session).waiting_for(validation_job)
            _start_again(session, validation_job, export_job, now, given_up_since)
        stalled = ExportRepository(session).lock_stalled(stalled_since, SWEPT_AT_ONCE)
        for export_job in stalled:
            awaited = ExportRepository(session).validation_status(export_job)
            if awaited in {JobStatus.failed, JobStatus.cancelled}:
                PipelineRepository(session).end(ExportJob, export_job.id, awaited)
            elif awaited not in ACTIVE:
                _start_again(session, export_job, None, now, given_up_since)
    return len(validations) + len(stalled)


def expire_exports() -> int:
    """Delete the files of exports whose time is over; say how many exports."""
    with db.transaction() as session:
        expired = exports.list_expired(session)
    for _, export_id in expired:
        files.delete_all(export_id)
        with db.transaction() as session:
            exports.forget_files(session, export_id)
    return len(expired)


def _start_again(
    session: Session,
    first: PipelineJob,
    then: ExportJob | None,
    now: datetime,
    given_up_since: datetime | None,
) -> None:
    is_given_up = given_up_since is not None and first.created_at < given_up_since
    if is_given_up:
        PipelineRepository(session).end(type(first), first.id, JobStatus.failed, GAVE_UP)
    else:
        PipelineRepository(session).touch(first)
        pipeline_jobs.start(session, first, then, again=f"{now:%Y%m%dT%H%M%S}")
    logger.warning(
        "pipeline_job_swept",
        job_id=str(first.crawl_job_id),
        kind=KINDS[type(first)],
        pipeline_job_id=str(first.id),
        is_given_up=is_given_up,
    )


def _parse[Model: BaseModel](
    model: type[Model], value: Mapping[str, Any] | Model, pointer: str
) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join([pointer, *map(str, first["loc"])])
        raise UnprocessableError(f"{where}: {first['msg']}", where) from error
