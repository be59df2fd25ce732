"""Every query about takedowns, and about what they remove."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, bindparam, exists, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from crawlset.exports.choice import Choice
from crawlset.exports.options import ExportOptions
from crawlset.kit.db import in_order
from crawlset.kit.paging import Order, Slice, cut
from crawlset.models import (
    CrawlJob,
    ExportJob,
    Image,
    ImageVerdict,
    JobChunk,
    JobStatus,
    PackRewrite,
    Takedown,
    TakedownExport,
)
from crawlset.outcomes import ImageStatus, Outcome

ROWS_AT_ONCE = 2_000
TAKEABLE = (ImageStatus.pending, ImageStatus.stored, ImageStatus.duplicate, ImageStatus.failed)
"""What has bytes, may have them, or might be asked for again."""


class Affected(NamedTuple):
    """A finished export, and how many of some images it holds."""

    export_job_id: UUID
    n_images: int


class TakedownRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, project_id: UUID, takedown_id: UUID) -> Takedown | None:
        return self.session.scalar(
            select(Takedown).where(Takedown.id == takedown_id, Takedown.project_id == project_id)
        )

    def lock(self, takedown_id: UUID) -> Takedown | None:
        """The takedown a message names; others that work at it wait."""
        return self.session.scalar(
            select(Takedown).where(Takedown.id == takedown_id).with_for_update(key_share=True)
        )

    def count(self, project_id: UUID) -> int:
        statement = select(func.count(Takedown.id)).where(Takedown.project_id == project_id)
        return self.session.scalar(statement) or 0

    def list_page(self, project_id: UUID, after: str | None, limit: int) -> Slice[Takedown]:
        """Newest first."""
        statement = select(Takedown).where(Takedown.project_id == project_id)
        statement = in_order(statement, Takedown.id, Order.newest, UUID(after) if after else None)
        rows = self.session.scalars(statement.limit(limit + 1)).all()
        return cut(rows, limit, lambda takedown: takedown.id)

    def image_of(self, project_id: UUID, image_id: int) -> Image | None:
        return self.session.scalar(
            select(Image)
            .join(CrawlJob, CrawlJob.id == Image.crawl_job_id)
            .where(Image.id == image_id, CrawlJob.project_id == project_id)
        )

    def exports_of(
        self, takedown_ids: Collection[UUID], limit: int
    ) -> dict[UUID, tuple[list[Row[*tuple[Any, ...]]], int]]:
        """By takedown: its newest exports, and how many there are."""
        place = func.row_number().over(
            partition_by=TakedownExport.takedown_id, order_by=TakedownExport.export_job_id.desc()
        )
        total = func.count().over(partition_by=TakedownExport.takedown_id)
        listed = (
            select(
                TakedownExport.takedown_id,
                TakedownExport.export_job_id,
                ExportJob.crawl_job_id,
                TakedownExport.n_images,
                ExportJob.finished_at.label("exported_at"),
                place.label("place"),
                total.label("total"),
            )
            .join(ExportJob, ExportJob.id == TakedownExport.export_job_id)
            .where(TakedownExport.takedown_id.in_(takedown_ids))
            .subquery()
        )
        found: dict[UUID, tuple[list[Row[*tuple[Any, ...]]], int]] = {}
        rows = self.session.execute(
            select(listed).where(listed.c.place <= limit).order_by(listed.c.place)
        )
        for row in rows:
            found.setdefault(row.takedown_id, ([], row.total))[0].append(row)
        return found

    def list_jobs(self, takedown: Takedown) -> Sequence[UUID]:
        return self.session.scalars(
            select(CrawlJob.id)
            .where(CrawlJob.project_id == takedown.project_id)
            .order_by(CrawlJob.id)
        ).all()

    def lease_unapplied(self, age: timedelta, limit: int) -> Sequence[Takedown]:
        """Takedowns of any owner that nobody has worked at for so long; they count anew."""
        stale = (
            select(Takedown.id)
            .where(Takedown.applied_at.is_(None), Takedown.updated_at <= func.now() - age)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return self.session.scalars(
            update(Takedown)
            .where(Takedown.id.in_(stale.scalar_subquery()))
            .values(updated_at=func.now())
            .returning(Takedown)
        ).all()

    def complete_if_done(self, takedown_id: UUID) -> bool:
        """Say whether this call completed it: applied, and no pack of it waits."""
        completed = self.session.scalar(
            update(Takedown)
            .where(
                Takedown.id == takedown_id,
                Takedown.applied_at.is_not(None),
                Takedown.completed_at.is_(None),
                ~exists().where(PackRewrite.takedown_id == takedown_id),
            )
            .values(completed_at=func.now())
            .returning(Takedown.id)
            .execution_options(synchronize_session=False)
        )
        return completed is not None


class TakenRepository:
    """The images of one job that are to become tombstones."""

    def __init__(self, session: Session, job: CrawlJob) -> None:
        self.session = session
        self.job = job

    def stream(self) -> Iterator[Row[*tuple[Any, ...]]]:
        """What can be taken down: id, addresses, creator and hashes."""
        statement = select(
            Image.id,
            Image.url,
            Image.final_url,
            Image.landing_url,
            Image.creator,
            Image.phashes,
        ).where(Image.crawl_job_id == self.job.id, Image.status.in_(TAKEABLE))
        yield from self.session.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE})

    def list_copies(self) -> Sequence[int]:
        """Images with the bytes of any that was taken down in the project."""
        taken = aliased(Image)
        jobs = select(CrawlJob.id).where(CrawlJob.project_id == self.job.project_id)
        return self.session.scalars(
            select(Image.id).where(
                Image.crawl_job_id == self.job.id,
                Image.status.in_(TAKEABLE),
                exists(
                    select(literal(1)).where(
                        taken.outcome == Outcome.refused_takedown,
                        taken.sha256 == Image.sha256,
                        taken.crawl_job_id.in_(jobs),
                    )
                ),
            )
        ).all()

    def packs(self, ids: Collection[int]) -> set[str]:
        """Where their bytes lie: in their own packs, and in those of their chunks as duplicates."""
        rows = self.session.execute(
            select(Image.pack_key, JobChunk.pack_key)
            .join(JobChunk, JobChunk.id == Image.chunk_id)
            .where(Image.id.in_(ids))
            .distinct()
        )
        return {key for row in rows for key in row if key is not None}

    def chunks(self, ids: Collection[int]) -> Sequence[JobChunk]:
        of_them = select(Image.chunk_id).where(Image.id.in_(ids))
        return self.session.scalars(select(JobChunk).where(JobChunk.id.in_(of_them))).all()

    def exports(self, ids: Collection[int]) -> list[Affected]:
        """Finished exports of the job that hold stored images among these."""
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
            (id_, self._count_held(ids, validation_id, options, finished_at))
            for id_, validation_id, options, finished_at in exports
        )
        return [Affected(id_, n) for id_, n in counted if n]

    def _count_held(
        self,
        ids: Collection[int],
        validation_job_id: UUID | None,
        options: dict[str, Any],
        finished_at: datetime,
    ) -> int:
        """How many of these images an export so made, that ended then, had chosen."""
        choice = Choice(
            ExportOptions.model_validate(options), is_validated=validation_job_id is not None
        )
        rows = self.session.execute(
            select(Image.status, Image.licence, Image.keyword, ImageVerdict.verdict)
            .outerjoin(
                ImageVerdict,
                (ImageVerdict.validation_job_id == validation_job_id)
                & (ImageVerdict.image_id == Image.id),
            )
            .where(
                Image.id.in_(ids),
                or_(Image.downloaded_at.is_(None), Image.downloaded_at <= finished_at),
            )
        )
        return sum(choice.has(row) for row in rows)

    def bury(self, ids: Collection[int], detail: str) -> None:
        """Make tombstones: what is known of them stays, but for the place of their bytes."""
        self.session.execute(
            update(Image)
            .where(Image.id.in_(ids))
            .values(
                status=ImageStatus.refused,
                outcome=Outcome.refused_takedown,
                detail=detail,
                pack_key=None,
                pack_offset=None,
                pack_length=None,
                duplicate_of=None,
            )
            .execution_options(synchronize_session=False)
        )

    def note_exports(self, takedown: Takedown, affected: Collection[Affected]) -> None:
        """Write down which they are, and withdraw them."""
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
        self.session.execute(
            update(ExportJob)
            .where(ExportJob.id.in_([export.export_job_id for export in affected]))
            .values(
                expires_at=func.least(func.coalesce(ExportJob.expires_at, func.now()), func.now())
            )
            .execution_options(synchronize_session=False)
        )

    def active_exports(self) -> Sequence[UUID]:
        active = (JobStatus.pending, JobStatus.running)
        return self.session.scalars(
            select(ExportJob.id).where(
                ExportJob.crawl_job_id == self.job.id, ExportJob.status.in_(active)
            )
        ).all()


class PackRepository:
    """What rewriting a pack reads and changes."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, rewrite_id: UUID) -> PackRewrite | None:
        return self.session.get(PackRewrite, rewrite_id)

    def members(self, pack_key: str) -> list[tuple[int, int]]:
        """(offset, length) of what images have in the pack, in order."""
        rows = self.session.execute(
            select(Image.pack_offset, Image.pack_length)
            .where(Image.pack_key == pack_key)
            .distinct()
            .order_by(Image.pack_offset)
        )
        return [(offset, length) for offset, length in rows if offset and length]

    def referenced(self, pack_keys: Collection[str]) -> set[str]:
        """Which of these packs an image has its bytes in."""
        found = self.session.scalars(
            select(Image.pack_key).where(Image.pack_key.in_(pack_keys)).distinct()
        )
        return {key for key in found if key is not None}

    def move(self, old_key: str, new_key: str, offsets: Mapping[int, int]) -> int:
        """
        Have images find their bytes in the new pack, by new offset of each old one; say how many
        still look for them in the old one.
        """
        if offsets:
            statement = (
                update(Image)
                .where(Image.pack_key == old_key, Image.pack_offset == bindparam("b_old"))
                .values(pack_key=new_key, pack_offset=bindparam("b_new"))
                .execution_options(synchronize_session=None)
            )
            rows = [{"b_old": old, "b_new": new} for old, new in offsets.items()]
            self.session.connection().execute(statement, rows)
        self.session.execute(
            update(JobChunk)
            .where(JobChunk.pack_key == old_key)
            .values(pack_key=new_key if offsets else None)
            .execution_options(synchronize_session=False)
        )
        left = select(func.count()).select_from(Image).where(Image.pack_key == old_key)
        return self.session.scalar(left) or 0

    def put_off(self, rewrite: PackRewrite, wait: timedelta) -> None:
        self.session.execute(
            update(PackRewrite)
            .where(PackRewrite.id == rewrite.id)
            .values(due_at=func.now() + wait)
            .execution_options(synchronize_session=False)
        )

    def lease_due(
        self, lease: timedelta, limit: int, *, everything: bool = False
    ) -> Sequence[PackRewrite]:
        """Rewrites of any owner that are due, or `everything`; due again after `lease`."""
        due = (
            select(PackRewrite.id)
            .where(or_(PackRewrite.due_at <= func.now(), literal(everything)))
            .order_by(PackRewrite.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return self.session.scalars(
            update(PackRewrite)
            .where(PackRewrite.id.in_(due.scalar_subquery()))
            .values(due_at=func.now() + lease)
            .returning(PackRewrite)
        ).all()
