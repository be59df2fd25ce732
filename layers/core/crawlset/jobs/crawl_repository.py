"""Every query about crawl jobs."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from crawlset import deletions
from crawlset.errors import NotFoundError
from crawlset.kit import db
from crawlset.kit.paging import Order, Slice
from crawlset.models import (
    ACTIVE,
    UNFINISHED,
    CrawlJob,
    ExportJob,
    Image,
    JobChunk,
    JobSearch,
    JobStatus,
    Project,
    ValidationJob,
    WorkStatus,
)
from crawlset.outcomes import Outcome

COUNTERS = text(
    """
    SELECT crawl_job_id, code, NULL AS status, sum(n::bigint)::bigint AS n, 0 AS n_urls,
        0 AS bytes_stored, 0 AS pack_bytes, 0 AS n_sent, 0 AS seconds, 0 AS received
    FROM job_chunks, jsonb_each_text(outcomes) AS counted (code, n)
    WHERE crawl_job_id = ANY (:job_ids)
    GROUP BY crawl_job_id, code
    UNION ALL
    SELECT crawl_job_id, NULL, status, count(*), sum(n_urls), sum(bytes_stored)::bigint,
        sum(CASE WHEN pack_key IS NOT NULL AND pack_bytes = 0 THEN bytes_stored
            ELSE pack_bytes END)::bigint,
        sum(attempt), sum(fetch_seconds), sum(bytes_received)::bigint
    FROM job_chunks
    WHERE crawl_job_id = ANY (:job_ids)
    GROUP BY crawl_job_id, status
    UNION ALL
    SELECT crawl_job_id, NULL, NULL, sum(n_repeated)::bigint, 0, 0, 0, 0, 0, 0
    FROM job_searches
    WHERE crawl_job_id = ANY (:job_ids)
    GROUP BY crawl_job_id
    """
)
COUNTED = (
    *("crawl_job_id", "code", "status", "n", "n_urls"),
    *("bytes_stored", "pack_bytes", "n_sent", "seconds", "received"),
)
"""Columns of `COUNTERS`."""


@dataclass(slots=True)
class JobCounts:
    """Sums over the chunks of a job, and over its searches."""

    n_candidates: int = 0
    n_repeated: int = 0
    """Rows and hits whose URL the job had before."""
    bytes_stored: int = 0
    pack_bytes: int = 0
    """What the bucket holds of it."""
    bytes_received: int = 0
    n_sent: int = 0
    """Chunks sent to a fetcher; each time counts."""
    fetch_seconds: float = 0.0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    chunks: Counter[WorkStatus] = field(default_factory=Counter)

    def add(
        self,
        code: str | None,
        status: str | None,
        n: int,
        n_urls: int,
        bytes_stored: int,
        pack_bytes: int,
        n_sent: int,
        seconds: float,
        received: int,
    ) -> None:
        """Add a row of `COUNTERS`."""
        if code is not None:
            self.outcomes[Outcome(code)] = n
        elif status is None:
            self.n_repeated = n
        else:
            self.chunks[WorkStatus(status)] = n
            self.n_candidates += n_urls
            self.bytes_stored += bytes_stored
            self.pack_bytes += pack_bytes
            self.n_sent += n_sent
            self.fetch_seconds += seconds
            self.bytes_received += received


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs a list is of; None for any."""

    status: JobStatus | None = None
    keyword: str | None = None
    source: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    deleted: bool = False
    """Keep only deleted jobs that can be restored; they must be shown."""

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        if self.status is not None:
            yield CrawlJob.status == self.status
        if self.keyword is not None:
            yield CrawlJob.keywords.contains([self.keyword])
        if self.source is not None:
            yield CrawlJob.sources.contains([self.source])
        if self.created_from is not None:
            yield CrawlJob.created_at >= self.created_from
        if self.created_before is not None:
            yield CrawlJob.created_at < self.created_before
        if self.deleted:
            yield deletions.can_be_restored(CrawlJob)


class CrawlRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, project_id: UUID, job_id: UUID) -> CrawlJob | None:
        return self.session.scalar(
            select(CrawlJob).where(CrawlJob.id == job_id, CrawlJob.project_id == project_id)
        )

    def get_of_user(self, user_id: UUID, job_id: UUID) -> CrawlJob | None:
        return self.session.scalar(
            select(CrawlJob).where(CrawlJob.id == job_id, CrawlJob.user_id == user_id)
        )

    def find(self, job_id: UUID) -> CrawlJob | None:
        """The job a message names. From here the transaction acts for the job's owner."""
        db.look_up(self.session, "job_id", str(job_id))
        job: CrawlJob | None = db.find_and_act_for_owner(self.session, CrawlJob, job_id)
        return job

    def lock(self, job: CrawlJob) -> None:
        """
        Wait for whoever settles work of this job, then see what they did.

        Always before chunks and images are locked, in that order.

        Raises:
            NotFoundError: it was deleted meanwhile.
        """
        db.lock(self.session, job, "crawl job", key_share=True)

    def lock_against_plans(self, job: CrawlJob) -> None:
        """Lock the job also against plans that are adding chunks."""
        db.lock(self.session, job, "crawl job")

    def share(self, job: CrawlJob) -> None:
        """Keep the job from being cancelled while its chunks are added."""
        db.lock(self.session, job, "crawl job", read=True, key_share=True)

    def is_unfinished(self, job: CrawlJob) -> bool:
        """Whether a search or a chunk of the job goes on, or waits."""
        search, chunk = (
            exists().where(part.crawl_job_id == job.id, part.status.in_(UNFINISHED))
            for part in (JobSearch, JobChunk)
        )
        return bool(self.session.scalar(select(or_(search, chunk))))

    def list_page(
        self,
        project_id: UUID,
        wanted: JobFilter,
        after: str | None,
        limit: int,
        order: Order = Order.newest,
    ) -> Slice[CrawlJob] | None:
        """Jobs of a project in one statement; none if there is no such project."""
        statement = select(CrawlJob).where(CrawlJob.project_id == project_id, *wanted.conditions())
        parent = select(Project.id).where(Project.id == project_id, Project.deleted_at.is_(None))
        return db.list_page_of(self.session, parent, statement, CrawlJob, after, limit, order)

    def list_of_user(self, user_id: UUID, after: str | None, limit: int) -> Slice[CrawlJob]:
        """Newest first."""
        statement = select(CrawlJob).where(CrawlJob.user_id == user_id)
        return db.list_page(self.session, statement, CrawlJob.id, after, limit)

    def count(self, job_ids: Collection[UUID]) -> dict[UUID, JobCounts]:
        """The counters of several jobs, in one statement."""
        counts = {job_id: JobCounts() for job_id in job_ids}
        for job_id, *row in self.session.execute(COUNTERS, {"job_ids": list(job_ids)}):
            counts[job_id].add(*row)
        return counts

    def of_searches(self, searches: Sequence[JobSearch]) -> dict[UUID, CrawlJob]:
        """The jobs that these searches belong to, by id."""
        ids = {search.crawl_job_id for search in searches}
        jobs = self.session.scalars(select(CrawlJob).where(CrawlJob.id.in_(ids)))
        return {job.id: job for job in jobs}

    def list_cancelled_within(self, age: timedelta) -> Sequence[CrawlJob]:
        """Jobs of any owner cancelled a short time ago, for the housekeeper."""
        return self.session.scalars(
            select(CrawlJob).where(
                CrawlJob.status == JobStatus.cancelled, CrawlJob.finished_at > func.now() - age
            )
        ).all()

    def start(self, job: CrawlJob) -> None:
        """Pending -> running, when the first candidates are planned."""
        self._move(job, (JobStatus.pending,), JobStatus.running, started_at=func.now())

    def finish(self, job: CrawlJob, status: JobStatus, error_message: str | None = None) -> bool:
        """To a final state, from an active one; say whether it was this call's doing."""
        return self._move(job, ACTIVE, status, finished_at=func.now(), error_message=error_message)

    def reopen(self, job: CrawlJob, **values: Any) -> bool:
        """
        A job that has ended runs again, with `values`; no tombstone of an earlier run stops it.
        """
        return self._move(
            job,
            (JobStatus.completed, JobStatus.failed, JobStatus.cancelled),
            JobStatus.running,
            run=CrawlJob.run + 1,
            finished_at=None,
            error_message=None,
            **values,
        )

    def delete(self, job: CrawlJob, grace_hours: int) -> None:
        """Mark a locked job as deleted."""
        self._update(job, deletions.marked(grace_hours))

    def restore(self, job: CrawlJob) -> bool:
        """Take the deletion of a locked job back; say whether there was time."""
        return self._update(job, deletions.RESTORED, deletions.can_be_restored(CrawlJob))

    def _move(
        self, job: CrawlJob, from_: Collection[JobStatus], to: JobStatus, **values: Any
    ) -> bool:
        return self._update(job, {"status": to, **values}, CrawlJob.status.in_(from_))

    def _update(
        self, job: CrawlJob, values: dict[str, Any], *conditions: ColumnElement[bool]
    ) -> bool:
        updated = self.session.scalar(
            update(CrawlJob)
            .where(CrawlJob.id == job.id, *conditions)
            .values(**values)
            .returning(CrawlJob)
            .execution_options(synchronize_session=False, populate_existing=True)
        )
        if updated is None:
            self.session.refresh(job)
        return updated is not None


def require_crawl_job(session: Session, project_id: UUID, job_id: UUID) -> CrawlJob:
    """
    Raises:
        NotFoundError: the caller's project has no such job.
    """
    job = CrawlRepository(session).get(project_id, job_id)
    if job is None:
        raise NotFoundError("crawl job", job_id)
    return job


def lock_crawl_job(
    session: Session,
    project_id: UUID,
    job_id: UUID,
    *,
    read: bool = False,
    key_share: bool = False,
) -> CrawlJob:
    """
    Like `require_crawl_job`; nobody changes the job until the transaction ends.

    It is locked for an update, or as `with_for_update` says of `read` and `key_share`.

    Raises:
        NotFoundError: the caller's project has no such job.
    """
    job = session.scalar(
        select(CrawlJob)
        .where(CrawlJob.id == job_id, CrawlJob.project_id == project_id)
        .with_for_update(read=read, key_share=key_share)
        .execution_options(populate_existing=True)
    )
    if job is None:
        raise NotFoundError("crawl job", job_id)
    return job


def with_crawl_job(
    project_id: UUID, job_id: UUID, model: type[Image | ValidationJob | ExportJob], id_: UUID | int
) -> Select[*tuple[Any, ...]]:
    """Select a crawl job and something of it, which is null if the job has none of this id."""
    return (
        select(CrawlJob, model)
        .outerjoin(model, and_(model.crawl_job_id == CrawlJob.id, model.id == id_))
        .where(CrawlJob.id == job_id, CrawlJob.project_id == project_id)
    )


def require_both(
    session: Session, statement: Select[*tuple[Any, ...]], job_id: UUID, what: str, id_: UUID | int
) -> Row[*tuple[Any, ...]]:
    """
    Give the row of `with_crawl_job`, in one round trip.

    Raises:
        NotFoundError: the caller's project has no such job, or the job has no such thing.
    """
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFoundError("crawl job", job_id)
    if row[1] is None:
        raise NotFoundError(what, id_)
    return row
