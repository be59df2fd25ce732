"""Every query about takedowns, and about the exports they concern."""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Row,
    String,
    and_,
    any_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    union,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from crawlset.kit import db
from crawlset.kit.paging import Slice
from crawlset.models import (
    REVOKED,
    UNFINISHED,
    CrawlJob,
    ExportJob,
    Image,
    JobChunk,
    JobStatus,
    PackRewrite,
    Project,
    Takedown,
    TakedownExport,
    TakedownImage,
    TakedownStatus,
)
from crawlset.outcomes import Outcome
from crawlset.takedowns.blocklist import PREFIX, detail_of

BUSY = (TakedownStatus.pending, TakedownStatus.removing, TakedownStatus.revoking)
"""What a message carries on."""
LOOKED_AGAIN = timedelta(minutes=1)
"""A takedown whose rows are done looks for its bytes in the bucket so often."""
REVOCABLE = (TakedownStatus.pending, TakedownStatus.hidden)


class TakedownRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, project_id: UUID, takedown_id: UUID) -> Takedown | None:
        return self.session.scalar(
            select(Takedown)
            .join(Project, Project.id == Takedown.project_id)  # it is hidden when deleted
            .where(Takedown.id == takedown_id, Takedown.project_id == project_id)
        )

    def lock(self, takedown_id: UUID) -> Takedown | None:
        """The takedown a message names; others that work at it wait."""
        return self.session.scalar(
            select(Takedown).where(Takedown.id == takedown_id).with_for_update(key_share=True)
        )

    def count(self, project_id: UUID) -> int:
        """How many are in force."""
        statement = select(func.count(Takedown.id)).where(
            Takedown.project_id == project_id, Takedown.status.not_in(REVOKED)
        )
        return self.session.scalar(statement) or 0

    def list_in_force(self, project_id: UUID) -> Sequence[Takedown]:
        """List the takedowns that were not revoked."""
        return self.session.scalars(
            select(Takedown).where(
                Takedown.project_id == project_id, Takedown.status.not_in(REVOKED)
            )
        ).all()

    def taken_down_sha256(self, job: CrawlJob, digests: Iterable[bytes]) -> dict[bytes, str | None]:
        """
        SHA-256 of bytes that were taken down in the job's project, with the `detail` of one image.

        A takedown that is being revoked counts until the images of `job` itself are back, so that
        none finds its place taken.
        """
        has_digest = Image.sha256 == any_(literal([*digests], ARRAY(LargeBinary)))
        is_taken_down = Image.outcome == Outcome.refused_takedown
        if not db.exists(self.session, is_taken_down, has_digest):
            return {}  # as nearly always: what follows takes the server longer to plan than to do
        jobs = select(CrawlJob.id).where(CrawlJob.project_id == job.project_id)
        revoked = select(PREFIX + cast(Takedown.id, String)).where(
            Takedown.project_id == job.project_id, Takedown.status.in_(REVOKED)
        )
        is_meant_by_another = exists().where(
            TakedownImage.crawl_job_id == Image.crawl_job_id,
            TakedownImage.image_id == Image.id,
            TakedownImage.takedown_id == Takedown.id,
            Takedown.status.not_in(REVOKED),
        )
        found = self.session.execute(
            select(Image.sha256, Image.detail).where(
                is_taken_down,
                has_digest,
                Image.crawl_job_id.in_(jobs),
                or_(
                    Image.crawl_job_id == job.id,
                    Image.detail.is_(None),
                    Image.detail.not_in(revoked),
                    is_meant_by_another,
                ),
            )
        )
        return {digest: detail for digest, detail in found if digest is not None}

    def list_page(
        self, user_id: UUID, project_id: UUID, after: str | None, limit: int
    ) -> Slice[Takedown] | None:
        """Newest first, in one statement; None if the user has no such project."""
        statement = select(Takedown).where(Takedown.project_id == project_id)
        parent = select(Project.id).where(Project.id == project_id, Project.user_id == user_id)
        return db.list_page_of(self.session, parent, statement, Takedown, after, limit)

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

    def unrecorded_chunks(self, takedown: Takedown) -> dict[UUID, set[UUID]]:
        """By job that has images it has taken: the chunks that are to be recorded yet."""
        taken = (
            select(Image.crawl_job_id)
            .where(
                Image.outcome == Outcome.refused_takedown, Image.detail == detail_of(takedown.id)
            )
            .distinct()
        )
        found: dict[UUID, set[UUID]] = {job_id: set() for job_id in self.session.scalars(taken)}
        unfinished = select(JobChunk.crawl_job_id, JobChunk.id).where(
            JobChunk.crawl_job_id.in_(found), JobChunk.status.in_(UNFINISHED)
        )
        for job_id, chunk_id in self.session.execute(unfinished):
            found[job_id].add(chunk_id)
        return found

    def digests(self, takedown: Takedown) -> Sequence[bytes]:
        """SHA-256 of what it has taken in the project, or kept out."""
        jobs = select(CrawlJob.id).where(CrawlJob.project_id == takedown.project_id)
        hidden = (
            select(Image.sha256)
            .join(TakedownImage, TakedownImage.image_id == Image.id)
            .where(TakedownImage.takedown_id == takedown.id)
        )
        kept_out = select(Image.sha256).where(
            Image.outcome == Outcome.refused_takedown,
            Image.detail == detail_of(takedown.id),
            Image.crawl_job_id.in_(jobs),
        )
        found = self.session.scalars(union(hidden, kept_out))
        return [digest for digest in found if digest is not None]

    def lease_unfinished(self, age: timedelta, limit: int) -> Sequence[Takedown]:
        """
        Takedowns of any owner that nobody has carried on for so long; they count anew.

        Those that only wait for the bucket are carried on after `LOOKED_AGAIN`.
        """
        lost = and_(Takedown.status.in_(BUSY), Takedown.updated_at <= func.now() - age)
        waits = and_(_is_removed_in_rows(), Takedown.updated_at <= func.now() - LOOKED_AGAIN)
        stale = (
            select(Takedown.id)
            .where(or_(lost, waits))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return self.session.scalars(
            update(Takedown)
            .where(Takedown.id.in_(stale.scalar_subquery()))
            .values(updated_at=func.now())
            .returning(Takedown)
        ).all()

    def begin_removing(self, limit: int) -> Sequence[Takedown]:
        """Hidden -> removing, for takedowns of any owner whose grace is over."""
        due = (
            select(Takedown.id)
            .where(Takedown.status == TakedownStatus.hidden, _is_due())
            .order_by(Takedown.removes_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return self.session.scalars(
            update(Takedown)
            .where(Takedown.id.in_(due.scalar_subquery()), Takedown.status == TakedownStatus.hidden)
            .values(status=TakedownStatus.removing)
            .returning(Takedown)
        ).all()

    def hide(self, takedown_id: UUID) -> bool:
        """Pending -> hidden, or removing if it has no grace; say whether this call did it."""
        return self._move(
            takedown_id,
            Takedown.status == TakedownStatus.pending,
            status=case(
                (_is_due(), TakedownStatus.removing.value), else_=TakedownStatus.hidden.value
            ),
            applied_at=func.coalesce(Takedown.applied_at, func.now()),
        )

    def revoke(self, takedown_id: UUID) -> bool:
        """Pending or hidden -> revoking, before the grace is over; say whether this call did it."""
        return self._move(
            takedown_id,
            and_(Takedown.status.in_(REVOCABLE), ~_is_due()),
            status=TakedownStatus.revoking,
            revoked_at=func.now(),
        )

    def complete_revoking(self, takedown_id: UUID) -> bool:
        """Revoking -> revoked."""
        return self._move(
            takedown_id,
            Takedown.status == TakedownStatus.revoking,
            status=TakedownStatus.revoked,
        )

    def is_removed_in_rows(self, takedown: Takedown) -> bool:
        """Whether it is removing, hides nothing any more, and no pack with its bytes waits."""
        return db.exists(self.session, Takedown.id == takedown.id, _is_removed_in_rows())

    def list_ended_exports(self, takedown: Takedown) -> Sequence[UUID]:
        """Exports of its project that ended without completing: their files are of no use."""
        return self.session.scalars(
            select(ExportJob.id)
            .join(CrawlJob, CrawlJob.id == ExportJob.crawl_job_id)
            .where(
                CrawlJob.project_id == takedown.project_id,
                ExportJob.status.in_((JobStatus.failed, JobStatus.cancelled)),
            )
        ).all()

    def complete(self, takedown_id: UUID) -> bool:
        """Removing -> completed, if rows agree; say whether this call did it."""
        return self._move(
            takedown_id,
            _is_removed_in_rows(),
            status=TakedownStatus.completed,
            completed_at=func.coalesce(Takedown.completed_at, func.now()),
        )

    def _move(self, takedown_id: UUID, condition: ColumnElement[bool], **values: Any) -> bool:
        moved = self.session.scalar(
            update(Takedown)
            .where(Takedown.id == takedown_id, condition)
            .values(**values)
            .returning(Takedown.id)
            .execution_options(synchronize_session=False)
        )
        return moved is not None

    def withdraw_exports(self, takedown_id: UUID) -> Sequence[UUID]:
        """Expire the exports that hold what it hides; their files are to go."""
        return self.session.scalars(
            update(ExportJob)
            .where(
                ExportJob.id == TakedownExport.export_job_id,
                TakedownExport.takedown_id == takedown_id,
            )
            .values(
                expires_at=func.least(func.coalesce(ExportJob.expires_at, func.now()), func.now())
            )
            .returning(ExportJob.id)
            .execution_options(synchronize_session=False)
        ).all()


def _is_removed_in_rows() -> ColumnElement[bool]:
    of_project = CrawlJob.project_id == Takedown.project_id
    return and_(
        Takedown.status == TakedownStatus.removing,
        ~exists().where(TakedownImage.takedown_id == Takedown.id),
        ~exists().where(
            PackRewrite.crawl_job_id == CrawlJob.id,
            of_project,
            or_(PackRewrite.takedown_id == Takedown.id, PackRewrite.takedown_id.is_(None)),
        ),
    )


def _is_due() -> ColumnElement[bool]:
    return or_(Takedown.removes_at.is_(None), Takedown.removes_at <= func.now())
