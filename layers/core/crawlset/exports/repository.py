"""Every query about export jobs, and about the images they hold."""

from collections.abc import Generator, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    Row,
    ScalarSelect,
    Select,
    and_,
    delete,
    exists,
    false,
    func,
    insert,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, aliased

from crawlset.jobs.crawl_repository import require_both, with_crawl_job
from crawlset.kit import db
from crawlset.kit.ids import new_id
from crawlset.kit.paging import Order, Slice, cut
from crawlset.models import (
    ACTIVE,
    REVOKED,
    CrawlJob,
    ExportFile,
    ExportJob,
    FurtherRow,
    Image,
    ImageVerdict,
    JobStatus,
    Takedown,
    TakedownExport,
    TakedownStatus,
    ValidationJob,
)
from crawlset.outcomes import ImageStatus
from crawlset.settings import measurer_settings

ROWS_AT_ONCE = 2_000
REMOVING = (TakedownStatus.removing, TakedownStatus.completed)
"""States of a takedown after which what it hides does not come back."""
CANDIDATE = (
    Image.id,
    Image.url,
    Image.source,
    Image.query,
    Image.keyword,
    Image.rank,
    Image.landing_url,
    Image.licence,
    Image.licence_raw,
    Image.creator,
    Image.attribution,
    Image.title,
    Image.columns,
    Image.status,
    Image.outcome,
    Image.detail,
    Image.downloaded_at,
    Image.final_url,
    Image.http_status,
    Image.content_type,
    Image.file_size,
    Image.sha256,
    Image.width,
    Image.height,
    Image.format,
    Image.n_frames,
    Image.phash,
    Image.n_retries,
    Image.etag,
    Image.last_modified,
    Image.transform,
    Image.embedded,
    Image.measurements,
    Image.evidence,
    Image.duplicate_of,
    Image.pack_key,
    Image.pack_offset,
    Image.pack_length,
    Image.measurements["faces"].label("faces"),
)
MAX_FURTHER_ROWS = 100
"""Further rows of a list for one image that an export tells, the first ones."""
CHOICE = (
    Image.id,
    Image.status,
    Image.licence,
    Image.keyword,
    Image.host,
    Image.creator,
    Image.sha256,
    Image.pack_length,
)


class ShownExport(NamedTuple):
    job: ExportJob
    takedown: Takedown | None
    """The one that withholds its files."""
    is_expired: bool
    """Whether its files have expired, by the database clock."""


class ExportRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def require(self, project_id: UUID, job_id: UUID, export_job_id: UUID) -> ShownExport:
        """
        Raises:
            NotFoundError: the caller's project has no such job, or the job has no such export.
        """
        takedown = withholding(ExportJob)
        statement = (
            with_crawl_job(project_id, job_id, ExportJob, export_job_id)
            .add_columns(takedown, func.coalesce(ExportJob.expires_at <= func.now(), false()))
            .outerjoin(takedown, true())
        )
        row = require_both(self.session, statement, job_id, "export job", export_job_id)
        return ShownExport(*row[1:])

    def validation_of(self, job: CrawlJob, validation_job_id: UUID) -> ValidationJob | None:
        return self.session.scalar(
            select(ValidationJob).where(
                ValidationJob.id == validation_job_id, ValidationJob.crawl_job_id == job.id
            )
        )

    def keywords_of(self, job: CrawlJob) -> set[str]:
        """Keywords that `job` searches for or its candidates have; "" if some have none."""
        found = self.session.scalars(
            select(func.coalesce(Image.keyword, "")).where(Image.crawl_job_id == job.id).distinct()
        )
        return {*job.keywords, *found}

    def validation_status(self, job: ExportJob) -> JobStatus | None:
        """Status of the validation that the export waits for; None if there is none."""
        status: JobStatus | None = self.session.scalar(
            select(ValidationJob.status).where(ValidationJob.id == job.validation_job_id)
        )
        return status

    def list_page(
        self, job: CrawlJob, after: str | None, limit: int
    ) -> Slice[Row[*tuple[Any, ...]]]:
        """Export jobs of `job`, newest first, each with the takedown that withholds its files."""
        takedown = withholding(ExportJob)
        statement = (
            select(ExportJob, takedown)
            .outerjoin(takedown, true())
            .where(ExportJob.crawl_job_id == job.id)
        )
        page = db.in_order(statement, ExportJob.id, Order.newest, after)
        rows = self.session.execute(page.limit(limit + 1)).all()
        return cut(rows, limit, lambda row: row[0].id)

    def list_expired(self, limit: int) -> list[tuple[UUID, UUID]]:
        """(owner, export) of exports that still have files and should not."""
        rows = self.session.execute(
            select(ExportJob.user_id, ExportJob.id)
            .where(
                ExportJob.status == JobStatus.completed,
                ExportJob.expires_at <= func.now(),
                exists().where(ExportFile.export_job_id == ExportJob.id),
            )
            .order_by(ExportJob.expires_at)
            .limit(limit)
        )
        return [(user_id, export_id) for user_id, export_id in rows]

    def waiting_for(self, validation_job: ValidationJob) -> ExportJob | None:
        return self.session.scalar(
            select(ExportJob)
            .where(ExportJob.validation_job_id == validation_job.id, ExportJob.status.in_(ACTIVE))
            .order_by(ExportJob.id)
            .limit(1)
        )

    def lock_stalled(self, since: datetime, limit: int) -> Sequence[ExportJob]:
        """Unfinished jobs that were last marked before `since`, but for those someone holds."""
        return self.session.scalars(
            select(ExportJob)
            .where(ExportJob.status.in_(ACTIVE), ExportJob.updated_at < since)
            .order_by(ExportJob.updated_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()


class FileRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def add(
        self, user_id: UUID, export_job_id: UUID, files: Iterable[tuple[str, int, bytes]]
    ) -> None:
        """Record files, each as name, size in bytes, SHA-256."""
        rows = [
            {
                "id": new_id(),
                "user_id": user_id,
                "export_job_id": export_job_id,
                "name": name,
                "file_size": file_size,
                "sha256": sha256,
            }
            for name, file_size, sha256 in files
        ]
        self.session.execute(insert(ExportFile), rows)

    def list_page(self, job: ExportJob, after: str | None, limit: int) -> Slice[ExportFile]:
        statement = select(ExportFile).where(ExportFile.export_job_id == job.id)
        return db.list_page(self.session, statement, ExportFile.name, after, limit, Order.oldest)

    def forget(self, export_job_id: UUID) -> None:
        self.session.execute(delete(ExportFile).where(ExportFile.export_job_id == export_job_id))


class SnapshotRepository:
    """Reads of a crawl job by its export, in single statements: each sees one moment."""

    def __init__(self, session: Session, job: ExportJob) -> None:
        self.session = session
        self.job = job

    def stream_stored(self) -> Generator[Row[*tuple[Any, ...]]]:
        """Stored candidates by id, with `CHOICE`: what decides if and where they are exported."""
        statement = (
            select(*CHOICE)
            .add_columns(ImageVerdict.verdict, ImageVerdict.cluster)
            .where(Image.status == ImageStatus.stored)
            .order_by(Image.id)
        )
        return self._stream(statement)

    def stream_candidates(self) -> Generator[Row[*tuple[Any, ...]]]:
        """
        `CANDIDATE` of every candidate of the crawl job, and what validation said.

        Those stored come first, pack by pack and in the order they lie in them.
        """
        statement = select(
            *CANDIDATE,
            _further_rows().label("rows"),
            ImageVerdict.verdict,
            ImageVerdict.rule,
            ImageVerdict.measured,
            ImageVerdict.threshold,
            ImageVerdict.cluster,
        ).order_by(
            Image.pack_key.collate("C").nulls_last(), Image.pack_offset.nulls_last(), Image.id
        )
        return self._stream(statement)

    def stream_parts(self, measurer: str) -> Generator[tuple[int, str]]:
        """
        Stored images that `measurer` made a vector of, by id, with the part that has it.

        Where the deployment has the measurer, of its version alone: others' are not comparable.
        """
        known = Image.measurements[measurer]
        statement = select(Image.id, known["part"].astext.label("part")).where(
            Image.crawl_job_id == self.job.crawl_job_id,
            Image.status == ImageStatus.stored,
            known.has_key("part"),
        )
        if (deployed := measurer_settings().by_name.get(measurer)) is not None:
            statement = statement.where(known["version"].astext == deployed.version)
        options = {"yield_per": ROWS_AT_ONCE}
        rows = self.session.execute(statement.order_by(Image.id), execution_options=options)
        yield from rows

    def _stream(self, statement: Select[Any]) -> Generator[Row[*tuple[Any, ...]]]:
        statement = statement.outerjoin(
            ImageVerdict,
            and_(
                ImageVerdict.image_id == Image.id,
                ImageVerdict.validation_job_id == self.job.validation_job_id,
            ),
        ).where(Image.crawl_job_id == self.job.crawl_job_id)
        options = {"yield_per": ROWS_AT_ONCE}
        with self.session.execute(statement, execution_options=options) as rows:
            yield from rows


def withholding(export_job: type[ExportJob]) -> type[Takedown]:
    """
    The takedown that keeps back the files of an export, to be joined on `true()`.

    Of several, one that removes them for good; otherwise the first.
    """
    first = (
        select(Takedown)
        .join(TakedownExport, TakedownExport.takedown_id == Takedown.id)
        .where(TakedownExport.export_job_id == export_job.id, Takedown.status.not_in(REVOKED))
        .order_by(Takedown.status.in_(REMOVING).desc(), Takedown.id)
        .limit(1)
        .correlate(export_job)
        .lateral()
    )
    return aliased(Takedown, first)


def _further_rows() -> ScalarSelect[Any]:
    """What a list says of an image in further rows, in its order; null if it has none."""
    first = (
        select(FurtherRow.rank, FurtherRow.keyword, FurtherRow.title, FurtherRow.columns)
        .where(FurtherRow.crawl_job_id == Image.crawl_job_id, FurtherRow.url_hash == Image.url_hash)
        .order_by(FurtherRow.rank)
        .limit(MAX_FURTHER_ROWS)
        .correlate(Image)
        .lateral()
    )
    row = func.jsonb_build_object(
        *("rank", first.c.rank, "class", first.c.keyword),
        *("caption", first.c.title, "columns", first.c.columns),
    )
    return select(func.jsonb_agg(aggregate_order_by(row, first.c.rank))).scalar_subquery()
