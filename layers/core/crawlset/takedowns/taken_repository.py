"""Every query about the images of a job that takedowns hide, bring back and remove."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, String, cast, exists, func, literal, or_, select, update
from sqlalchemy import delete as delete_rows
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session, aliased

from crawlset.exports.choice import Choice
from crawlset.exports.options import ExportOptions
from crawlset.models import (
    ACTIVE,
    UNFINISHED,
    CrawlJob,
    ExportJob,
    Image,
    ImageVerdict,
    JobChunk,
    JobStatus,
    Takedown,
    TakedownExport,
    TakedownImage,
    TakedownKind,
)
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.takedowns.blocklist import PREFIX, detail_of
from crawlset.urls.spelling import host_of, plain_host

ROWS_AT_ONCE = 2_000
TAKEABLE = (
    ImageStatus.pending,
    ImageStatus.stored,
    ImageStatus.duplicate,
    ImageStatus.failed,
    ImageStatus.cancelled,
)
"""What has bytes, may have them, or might be asked for again."""
STATE = (
    "status", "outcome", "detail", "pack_key", "pack_offset", "pack_length", "duplicate_of",
    "embedded",
)  # fmt: skip
"""What a tombstone has lost, and finds in its row of `takedown_images`."""
SIGHTED = (
    Image.id,
    Image.chunk_id,
    Image.url,
    Image.final_url,
    Image.landing_url,
    Image.creator,
    Image.phashes,
)


class Affected(NamedTuple):
    """A finished export, and how many of some images it holds."""

    export_job_id: UUID
    exported_at: datetime
    n_images: int


class Extent(NamedTuple):
    """How many of some images are stored, and their bytes."""

    n_stored: int
    n_bytes: int


class TakenRepository:
    """The images of one job that takedowns are about."""

    def __init__(self, session: Session, job: CrawlJob) -> None:
        self.session = session
        self.job = job

    def stream(self, takedown: Takedown) -> Iterator[Row[*tuple[Any, ...]]]:
        """
        `SIGHTED` of what can be taken down, or is hidden by another takedown.

        Many that `takedown` cannot mean are left out: the database says that sooner.
        """
        statement = select(*SIGHTED).where(
            Image.crawl_job_id == self.job.id,
            or_(Image.status.in_(TAKEABLE), _is_hidden()),
            _may_mean(takedown),
        )
        yield from self.session.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE})

    def stream_kept_out(self, takedown: Takedown) -> Iterator[Row[*tuple[Any, ...]]]:
        """`SIGHTED` of what the takedown may have refused on its way, so that it never hid it."""
        statement = select(*SIGHTED, Image.detail).where(
            Image.crawl_job_id == self.job.id,
            Image.outcome == Outcome.refused_takedown,
            or_(Image.detail.is_(None), Image.detail == detail_of(takedown.id)),
            ~_is_hidden(),
        )
        yield from self.session.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE})

    def list_same_bytes(self, digests: Collection[bytes]) -> Sequence[int]:
        """Images that could be taken down and have these SHA-256."""
        return self.session.scalars(
            select(Image.id).where(
                Image.crawl_job_id == self.job.id,
                or_(Image.status.in_(TAKEABLE), _is_hidden()),
                Image.sha256 == func.any(list(digests)),
            )
        ).all()

    def digests(self, ids: Sequence[int]) -> set[bytes]:
        found = self.session.scalars(
            select(Image.sha256).where(_among(ids), Image.sha256.is_not(None)).distinct()
        )
        return {digest for digest in found if digest is not None}

    def extent(self, ids: Sequence[int]) -> Extent:
        n_stored, n_bytes = self.session.execute(
            select(func.count(), func.sum(Image.file_size)).where(
                _among(ids), _state_before() == ImageStatus.stored
            )
        ).one()
        return Extent(n_stored, int(n_bytes or 0))

    def hide(self, ids: Sequence[int], takedown: Takedown) -> list[int]:
        """
        Make tombstones, without the place of their bytes; that is kept apart, to bring them back.

        Gives those that this takedown had not hidden before.
        """
        owner = (literal(takedown.id), literal(takedown.user_id), literal(self.job.id))
        columns = ("takedown_id", "user_id", "crawl_job_id", "image_id", *STATE)
        as_it_is = select(*owner, Image.id, *(getattr(Image, name) for name in STATE)).where(
            _among(ids), Image.status.in_(TAKEABLE)
        )
        as_noted = (
            select(*owner, TakedownImage.image_id, *(getattr(TakedownImage, n) for n in STATE))
            .where(TakedownImage.crawl_job_id == self.job.id, _is_one_of(ids))
            .ext(distinct_on(TakedownImage.image_id))
        )
        hidden: list[int] = []
        for before in (as_noted, as_it_is):
            noted = insert(TakedownImage).from_select(columns, before).on_conflict_do_nothing()
            hidden += self.session.scalars(noted.returning(TakedownImage.image_id))
        self._bury(Image.status.in_(TAKEABLE), ids, takedown)
        return hidden

    def list_hidden(self, takedown: Takedown) -> Sequence[int]:
        return self.session.scalars(
            select(TakedownImage.image_id).where(
                TakedownImage.takedown_id == takedown.id,
                TakedownImage.crawl_job_id == self.job.id,
            )
        ).all()

    def packs(self, ids: Sequence[int]) -> set[str]:
        """Where hidden bytes lie: in their own packs, as duplicates in those of their chunks."""
        rows = self.session.execute(
            select(TakedownImage.pack_key, JobChunk.pack_key)
            .join(Image, Image.id == TakedownImage.image_id)
            .join(JobChunk, JobChunk.id == Image.chunk_id)
            .where(TakedownImage.crawl_job_id == self.job.id, _is_one_of(ids))
            .distinct()
        )
        return {key for row in rows for key in row if key is not None}

    def forget(self, ids: Sequence[int], takedown: Takedown) -> None:
        """Let nothing bring them back: they are tombstones of this takedown for good."""
        self.session.execute(
            delete_rows(TakedownImage)
            .where(TakedownImage.crawl_job_id == self.job.id, _is_one_of(ids))
            .execution_options(synchronize_session=False)
        )
        self._bury(Image.outcome == Outcome.refused_takedown, ids, takedown)

    def bring_back(self, takedown: Takedown) -> list[int]:
        """Make what the takedown alone has hidden what it was before; give what that is."""
        other = aliased(TakedownImage)
        noted = (
            TakedownImage.takedown_id == takedown.id,
            TakedownImage.crawl_job_id == self.job.id,
            TakedownImage.image_id == Image.id,
        )
        others = (
            other.takedown_id != takedown.id,
            other.crawl_job_id == TakedownImage.crawl_job_id,
            other.image_id == TakedownImage.image_id,
        )
        brought_back = self.session.scalars(
            update(Image)
            .where(*noted, ~exists().where(*others))
            .values({name: getattr(TakedownImage, name) for name in STATE})
            .returning(Image.id)
            .execution_options(synchronize_session=False)
        ).all()
        self.session.execute(
            update(Image)
            .where(*noted, *others, Image.detail == detail_of(takedown.id))
            .values(detail=PREFIX + cast(other.takedown_id, String))
            .execution_options(synchronize_session=False)
        )
        self.session.execute(
            delete_rows(TakedownImage)
            .where(
                TakedownImage.takedown_id == takedown.id,
                TakedownImage.crawl_job_id == self.job.id,
            )
            .execution_options(synchronize_session=False)
        )
        return list(brought_back)

    def reopen(self, ids: Sequence[int], detail: str) -> None:
        """Have a retry ask again for what is kept out, of which nothing is stored."""
        self._give_up(_among(ids), detail)

    def give_up_open(self, ids: Sequence[int], detail: str) -> None:
        """Have a retry ask again for what waits for a chunk that has ended."""
        ended = select(JobChunk.id).where(
            JobChunk.crawl_job_id == self.job.id, JobChunk.status.not_in(UNFINISHED)
        )
        self._give_up(
            _among(ids) & (Image.status == ImageStatus.pending) & Image.chunk_id.in_(ended), detail
        )

    def _give_up(self, condition: ColumnElement[bool], detail: str) -> None:
        self.session.execute(
            update(Image)
            .where(condition)
            .values(
                status=Outcome.worker_failed.status,
                outcome=Outcome.worker_failed,
                detail=detail,
                sha256=None,
                signature=None,
                etag=None,
                last_modified=None,
            )
            .execution_options(synchronize_session=False)
        )

    def hand_over(self, ids: Sequence[int], takedown_id: UUID) -> None:
        """Say of tombstones that another takedown keeps them out."""
        self.session.execute(
            update(Image)
            .where(_among(ids))
            .values(detail=detail_of(takedown_id))
            .execution_options(synchronize_session=False)
        )

    def _bury(self, condition: ColumnElement[bool], ids: Sequence[int], takedown: Takedown) -> None:
        self.session.execute(
            update(Image)
            .where(_among(ids), condition)
            .values(
                status=ImageStatus.refused,
                outcome=Outcome.refused_takedown,
                detail=detail_of(takedown.id),
                pack_key=None,
                pack_offset=None,
                pack_length=None,
                duplicate_of=None,
                embedded=None,
                signature=None,
            )
            .execution_options(synchronize_session=False)
        )

    def chunks(self, ids: Sequence[int]) -> Sequence[JobChunk]:
        of_them = select(Image.chunk_id).where(_among(ids))
        return self.session.scalars(select(JobChunk).where(JobChunk.id.in_(of_them))).all()

    def exports(self, ids: Sequence[int]) -> list[Affected]:
        """Finished exports of the job that hold images among these."""
        exports = self.session.execute(
            select(
                ExportJob.id,
                ExportJob.validation_job_id,
                ExportJob.export_options,
                ExportJob.finished_at,
            ).where(
                ExportJob.crawl_job_id == self.job.id,
                ExportJob.status == JobStatus.completed,
            )
        ).all()
        counted = (
            Affected(id_, finished_at, self._count_held(ids, validation_id, options, finished_at))
            for id_, validation_id, options, finished_at in exports
        )
        return [affected for affected in counted if affected.n_images]

    def _count_held(
        self,
        ids: Sequence[int],
        validation_job_id: UUID | None,
        options: dict[str, Any],
        finished_at: datetime,
    ) -> int:
        """How many of these images an export so made, that ended then, had chosen."""
        choice = Choice(
            ExportOptions.model_validate(options), is_validated=validation_job_id is not None
        )
        rows = self.session.execute(
            select(
                _state_before().label("status"), Image.licence, Image.keyword, ImageVerdict.verdict
            )
            .outerjoin(
                ImageVerdict,
                (ImageVerdict.validation_job_id == validation_job_id)
                & (ImageVerdict.image_id == Image.id),
            )
            .where(
                _among(ids),
                or_(Image.downloaded_at.is_(None), Image.downloaded_at <= finished_at),
            )
        )
        return sum(choice.has(row) for row in rows)

    def note_exports(self, takedown: Takedown, affected: Iterable[Affected]) -> None:
        """Write down which they are; from then on they are withheld."""
        rows = [
            {
                "takedown_id": takedown.id,
                "export_job_id": export.export_job_id,
                "user_id": takedown.user_id,
                "n_images": export.n_images,
            }
            for export in affected
        ]
        if not rows:
            return
        noted = insert(TakedownExport).values(rows)
        self.session.execute(
            noted.on_conflict_do_update(
                index_elements=["takedown_id", "export_job_id"],
                set_={"n_images": TakedownExport.n_images + noted.excluded.n_images},
            )
        )

    def active_exports(self) -> Sequence[UUID]:
        return self.session.scalars(
            select(ExportJob.id).where(
                ExportJob.crawl_job_id == self.job.id, ExportJob.status.in_(ACTIVE)
            )
        ).all()


def _among(ids: Sequence[int]) -> ColumnElement[bool]:
    """One parameter, however many they are."""
    return Image.id == func.any(list(ids))


def _is_one_of(ids: Sequence[int]) -> ColumnElement[bool]:
    return TakedownImage.image_id == func.any(list(ids))


def _may_mean(takedown: Takedown) -> ColumnElement[bool]:
    """True of all that the blocklist would find, and of few others: beyond ASCII, or of IPv6."""
    match takedown.kind:
        case TakedownKind.creator:
            return Image.creator.is_not(None)
        case TakedownKind.look_alike:
            return Image.phashes.is_not(None)
    host = host_of(takedown.value) or plain_host(takedown.value)
    addresses = func.lower(func.concat_ws(" ", Image.url, Image.final_url, Image.landing_url))
    part = "[" if host.startswith("[") else host
    return or_(func.strpos(addresses, part) > 0, addresses.regexp_match("[^ -~]"))


def _is_hidden() -> ColumnElement[bool]:
    return exists().where(
        TakedownImage.crawl_job_id == Image.crawl_job_id, TakedownImage.image_id == Image.id
    )


def _state_before() -> ColumnElement[ImageStatus]:
    """The status of an image, of a hidden one what it was before."""
    noted = (
        select(TakedownImage.status)
        .where(TakedownImage.crawl_job_id == Image.crawl_job_id, TakedownImage.image_id == Image.id)
        .limit(1)
        .scalar_subquery()
    )
    return func.coalesce(noted, Image.status)
