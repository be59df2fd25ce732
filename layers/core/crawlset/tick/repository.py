"""Every query of the tick: whether it is alone, and what is to be removed for good."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Delete,
    Select,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from crawlset.models import (
    Base,
    CrawlJob,
    CrawlSchedule,
    ExportJob,
    FolderRemoval,
    FurtherRow,
    HostProof,
    Image,
    ImageVerdict,
    JobChunk,
    JobSearch,
    JobStatus,
    OutboxMessage,
    PackRewrite,
    Project,
    SourceProbe,
    Takedown,
    TakedownImage,
    TakedownStatus,
    ValidationJob,
    WebhookDelivery,
)

ROUND_LOCK = (0x7469636B, 1)
"""Key of the advisory lock that a tick holds: the only one in the key space of two integers."""
LATELY = timedelta(days=1)
LEFT_BEHIND = timedelta(minutes=70)
OWNERS: dict[str, Sequence[Select[UUID]]] = {
    "jobs/": (select(CrawlJob.id), select(JobSearch.id), select(SourceProbe.id)),
    "validations/": (select(ValidationJob.id),),
    "exports/": (
        select(ExportJob.id).where(
            ExportJob.status.not_in((JobStatus.failed, JobStatus.cancelled))
        ),
    ),
}
"""Statements that give the ids whose folders below each prefix may have objects."""


class RoundRepository:
    """
    The lock of the minute's round, which its connection holds over all transactions.

    A tick that is killed loses its connection and with it the lock. One that only loses its
    connection goes on beside the next, which every chore bears.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    def lock(self) -> bool:
        """Say whether nobody else has it; then it is ours until `unlock`."""
        return bool(self.session.scalar(select(func.pg_try_advisory_lock(*ROUND_LOCK))))

    def unlock(self) -> None:
        self.session.execute(select(func.pg_advisory_unlock(*ROUND_LOCK)))


class RestRepository:
    """What keeps the tick from resting, and when it is to be back."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def is_work_under_way(self) -> bool:
        """
        Whether a job, a takedown, a delivery or a message is not done, or a job only just.

        What jobs have left behind is found by rounds of the half hours after.
        """
        open_ = (
            select(model.id).where(
                or_(
                    model.status.in_((JobStatus.pending, JobStatus.running)),
                    model.finished_at > func.now() - LEFT_BEHIND,
                )
            )
            for model in (CrawlJob, ValidationJob, ExportJob)
        )
        unfinished = (TakedownStatus.pending, TakedownStatus.removing, TakedownStatus.revoking)
        waiting = (
            select(OutboxMessage.id),
            select(PackRewrite.id),
            select(Takedown.id).where(Takedown.status.in_(unfinished)),
            select(WebhookDelivery.id).where(
                WebhookDelivery.delivered_at.is_(None), WebhookDelivery.next_attempt_at.is_not(None)
            ),
        )
        found = [exists(statement) for statement in (*open_, *waiting)]
        return bool(self.session.scalar(select(or_(*found))))

    def next_due_at(self) -> datetime | None:
        """When the first thing is due that has a time of its own; None without any."""
        earliest = [
            select(func.min(CrawlSchedule.next_run_at)).where(~CrawlSchedule.is_paused),
            select(func.min(Takedown.removes_at)).where(Takedown.status == TakedownStatus.hidden),
            select(func.min(FolderRemoval.due_at)),
            select(func.min(HostProof.next_check_at)),
            select(func.min(CrawlJob.purges_at)),
            select(func.min(Project.purges_at)),
        ]
        return self.session.scalar(select(func.least(*(s.scalar_subquery() for s in earliest))))


class RemovalRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def delete_old(
        self, made_at: InstrumentedAttribute[datetime], age: timedelta, limit: int
    ) -> int:
        """Delete rows of this age, by the column that says since when; say how many."""
        model = cast("type[Base]", made_at.class_)
        return self._count(_some(model, made_at < func.now() - age, limit))

    def owners(self, prefix: str, ids: Collection[UUID]) -> set[UUID]:
        """Keep the ids whose folder below `prefix` may have objects."""
        found: set[UUID] = set()
        for statement in OWNERS[prefix]:
            (column,) = statement.selected_columns
            found.update(self.session.scalars(statement.where(column.in_(ids))))
        return found

    def list_jobs_of_late(self) -> Sequence[UUID]:
        """
        Jobs with chunks that ended within a day, in random order.

        The day before the last of all ended: a laptop may have been off for longer since.
        """
        last = select(func.max(JobChunk.finished_at)).scalar_subquery()
        of_late = (
            select(JobChunk.crawl_job_id).where(JobChunk.finished_at > last - LATELY).distinct()
        ).subquery()
        return self.session.scalars(select(of_late.c.crawl_job_id).order_by(func.random())).all()

    def list_due_folders(self, limit: int) -> Sequence[FolderRemoval]:
        return self.session.scalars(
            select(FolderRemoval)
            .where(FolderRemoval.due_at <= func.now())
            .order_by(FolderRemoval.due_at, FolderRemoval.id)
            .limit(limit)
        ).all()

    def look_again(self, removal: FolderRemoval, written_until: timedelta) -> None:
        """Once more when nobody can be writing there, and then never; two rounds at once agree."""
        this = FolderRemoval.id == removal.id
        last_look = FolderRemoval.deleted_at + written_until
        self.session.execute(delete(FolderRemoval).where(this, last_look <= func.now()))
        self.session.execute(update(FolderRemoval).where(this).values(due_at=last_look))

    def put_off(self, removal: FolderRemoval, wait: timedelta) -> None:
        self.session.execute(
            update(FolderRemoval)
            .where(FolderRemoval.id == removal.id)
            .values(due_at=func.now() + wait)
        )

    def lock_due_job(self) -> UUID | None:
        """A job whose own grace is over or its project's; another tick passes it over."""
        due = union_all(
            select(CrawlJob.id).where(CrawlJob.purges_at <= func.now()),
            select(CrawlJob.id).join(Project).where(Project.purges_at <= func.now()),
        )
        is_due = CrawlJob.id.in_(due)
        first = select(CrawlJob.id).where(is_due).order_by(CrawlJob.purges_at).limit(1)
        while (job_id := self.session.scalar(first.with_for_update(skip_locked=True))) is not None:
            # The project may have been restored between the statement's snapshot and the lock.
            if self.session.scalar(select(is_due).where(CrawlJob.id == job_id)):
                return job_id
        return None

    def delete_piece(self, job_id: UUID, limit: int) -> int:
        """Delete some rows of a job, or the job itself when these are gone; 0 says the latter."""
        for piece in _pieces(job_id, limit):
            if n_rows := self._count(piece):
                return n_rows
        self.session.execute(delete(CrawlJob).where(CrawlJob.id == job_id))
        return 0

    def delete_due_projects(self, limit: int) -> Sequence[UUID]:
        """Due projects whose last job is gone, with their templates, schedules and takedowns."""
        due = (
            select(Project.id)
            .where(
                Project.purges_at <= func.now(), ~exists().where(CrawlJob.project_id == Project.id)
            )
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return self.session.scalars(
            delete(Project).where(Project.id.in_(due)).returning(Project.id)
        ).all()

    def _count(self, statement: Delete) -> int:
        return self.session.connection().execute(statement).rowcount


def _pieces(job_id: UUID, limit: int) -> Iterator[Delete]:
    """A part of each of what a job has by the hundred thousand; the rest goes with its row."""
    validations = select(ValidationJob.id).where(ValidationJob.crawl_job_id == job_id)
    yield _some(ImageVerdict, ImageVerdict.validation_job_id.in_(validations), limit)
    yield _some(TakedownImage, TakedownImage.crawl_job_id == job_id, limit)
    yield _some(FurtherRow, FurtherRow.crawl_job_id == job_id, limit)
    yield _some(Image, Image.crawl_job_id == job_id, limit)


def _some(model: type[Base], condition: ColumnElement[bool], limit: int) -> Delete:
    keys = model.__table__.primary_key
    return delete(model).where(tuple_(*keys).in_(select(*keys).where(condition).limit(limit)))
