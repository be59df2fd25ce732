"""Create, read, cancel and expire export jobs."""

from collections.abc import Iterable
from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.errors import AppError, ConflictError, NotFoundError, UnprocessableError
from crawlset.exports import files
from crawlset.exports.repository import REMOVING, ExportRepository, FileRepository, ShownExport
from crawlset.exports.schemas import (
    ExportFileRead,
    ExportJobCreate,
    ExportJobRead,
    ExportRequest,
    WithheldRead,
)
from crawlset.jobs import pipeline_jobs
from crawlset.kit import db
from crawlset.kit.ids import new_id
from crawlset.kit.paging import Page
from crawlset.models import CrawlJob, ExportJob, JobStatus, Takedown, ValidationJob
from crawlset.observability import logger
from crawlset.validation import measurements

URL_LIFETIME = timedelta(minutes=15)
EXPIRED_AT_ONCE = 100
KEYWORDS_NAMED = 20


class GoneError(AppError):
    status = HTTPStatus.GONE


class ExportExpiredError(GoneError):
    def __init__(self, job: ExportJob) -> None:
        super().__init__(f"The files of export job {job.id} expired at {job.expires_at}.")


class ExportTakenDownError(GoneError):
    """The export holds images that were taken down; its files come back only with them."""

    def __init__(self, job: ExportJob, withheld: WithheldRead) -> None:
        what = f"The files of export job {job.id}"
        by = f"takedown {withheld.takedown_id}"
        if withheld.is_removed:
            super().__init__(f"{what} were removed by {by}; export again, without its images.")
        elif withheld.removes_at is None:
            super().__init__(f"{what} are withheld by {by}, and about to be removed.")
        else:
            until = f"{withheld.removes_at:%Y-%m-%d %H:%M} UTC"
            super().__init__(f"{what} are withheld by {by}, which can be revoked until {until}.")


class ValidationNotCompletedError(ConflictError):
    def __init__(self, job: ValidationJob) -> None:
        super().__init__(f"Validation job {job.id} is {job.status}, not completed.")


class UnknownKeywordError(UnprocessableError):
    """The classes of an export are about a keyword that its crawl job does not have."""

    def __init__(self, unknown: str, known: Iterable[str], pointer: str) -> None:
        names = sorted(known)
        shown = ", ".join(repr(name) for name in names[:KEYWORDS_NAMED])
        more = f" and {len(names) - KEYWORDS_NAMED:,} more" if len(names) > KEYWORDS_NAMED else ""
        place = unknown.replace("~", "~0").replace("/", "~1")
        super().__init__(
            f"No image of the crawl job has the keyword {unknown!r}, which classes names; there"
            f" are {shown or 'none'}{more}.",
            f"{pointer}/export_options/classes/{place}",
        )


def require_keywords(
    session: Session, job: CrawlJob, request: ExportRequest, pointer: str = ""
) -> None:
    """
    Check that `job` has every keyword that `classes` maps; `pointer` is where the request stands.

    Raises:
        UnknownKeywordError: it has not.
    """
    classes = request.export_options.classes
    if set(classes) <= set(job.keywords):
        return
    known = ExportRepository(session).keywords_of(job)
    if unknown := [keyword for keyword in classes if keyword not in known]:
        raise UnknownKeywordError(unknown[0], known, pointer)


def create(session: Session, job: CrawlJob, request: ExportJobCreate) -> ExportJob:
    """
    Export what a locked job has stored, or what a validation of it kept, as soon as the
    transaction commits.

    Raises:
        NotFoundError: `job` has no such validation.
        CrawlJobNotCompletedError, ValidationNotCompletedError: it is too early.
        UnknownKeywordError: `classes` names a keyword that `job` does not have.
    """
    require_keywords(session, job, request)
    validation_job = None
    if request.validation_job_id is not None:
        validation_job = ExportRepository(session).validation_of(job, request.validation_job_id)
        if validation_job is None:
            raise NotFoundError("validation job", request.validation_job_id)
        if validation_job.status is not JobStatus.completed:
            raise ValidationNotCompletedError(validation_job)
    export_job = add(session, job, request, validation_job)
    pipeline_jobs.start(session, export_job)
    return export_job


def add(
    session: Session,
    job: CrawlJob,
    request: ExportRequest,
    validation_job: ValidationJob | None,
) -> ExportJob:
    """
    Create an export job of a locked job. The caller starts its execution, after `validation_job`.

    Raises:
        CrawlJobNotCompletedError: it is too early.
        UnknownMeasurerError: `images_table` names a measurer that the deployment does not have.
    """
    pipeline_jobs.require_settled(job)
    table = request.export_options.images_table
    measurements.require(table.vectors if table else (), "/export_options/images_table/vectors")
    export_job = db.insert_row(
        session,
        ExportJob,
        id=new_id(),
        user_id=job.user_id,
        crawl_job_id=job.id,
        validation_job_id=validation_job.id if validation_job else None,
        format=request.format,
        export_options=request.export_options.model_dump(mode="json"),
        status=JobStatus.pending,
    )
    logger.info("export_job_created", job_id=str(job.id), export_job_id=str(export_job.id))
    return export_job


def read(export_job: ExportJob, takedown: Takedown | None) -> ExportJobRead:
    """An export job, and that `takedown` withholds its files."""
    return ExportJobRead.of(export_job, _withheld(takedown))


def cancel(session: Session, export_job: ExportJob) -> None:
    """
    Cancel; the pipeline deletes what has been written.

    Raises:
        JobFinishedError: it has ended.
    """
    pipeline_jobs.cancel(session, export_job)
    logger.info("export_job_cancelled", export_job_id=str(export_job.id))


def list_files(
    session: Session, shown: ShownExport, after: str | None, limit: int
) -> Page[ExportFileRead]:
    """
    The files with a URL each; none before the export is completed.

    Raises:
        ExportTakenDownError: images that it holds were taken down.
        ExportExpiredError: they are deleted, or about to be.
    """
    export_job = shown.job
    if (withheld := _withheld(shown.takedown)) is not None:
        raise ExportTakenDownError(export_job, withheld)
    if shown.is_expired:
        raise ExportExpiredError(export_job)
    page = FileRepository(session).list_page(export_job, after, limit)
    return Page(
        items=[
            ExportFileRead(
                name=file.name,
                file_size=file.file_size,
                sha256=file.sha256.hex(),
                url=files.presign(export_job.id, file.name, URL_LIFETIME),
            )
            for file in page.rows
        ],
        next_cursor=page.next_key,
    )


def list_expired(session: Session) -> list[tuple[UUID, UUID]]:
    """
    (owner, export) of some exports whose files are due to go, the longest expired first.

    Delete the objects outside of a transaction, then `forget_files`: so whatever breaks off in
    between is listed again.
    """
    return ExportRepository(session).list_expired(EXPIRED_AT_ONCE)


def forget_files(session: Session, export_job_id: UUID) -> None:
    """Forget the deleted files of an export, which stays, expired."""
    FileRepository(session).forget(export_job_id)
    logger.info("export_job_expired", export_job_id=str(export_job_id))


def _withheld(takedown: Takedown | None) -> WithheldRead | None:
    if takedown is None:
        return None
    return WithheldRead(
        takedown_id=takedown.id,
        at=takedown.created_at,
        removes_at=takedown.removes_at,
        is_removed=takedown.status in REMOVING,
    )
