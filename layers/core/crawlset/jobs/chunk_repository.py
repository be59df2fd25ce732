"""Every query about the chunks of a crawl job."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, and_, case, cast, exists, func, insert, or_, select, text, update
from sqlalchemy.orm import Session, aliased

from crawlset.kit import ahead, db
from crawlset.kit.paging import Order, Slice
from crawlset.models import UNFINISHED, CrawlJob, JobChunk, JobSearch, WorkStatus
from crawlset.outcomes import Outcome
from crawlset.settings import QUEUE_RETENTION

_COUNTED = func.jsonb_each_text(JobChunk.outcomes).table_valued("key", "value")
"""Each outcome of a chunk, and how many images have it."""

RECOUNT = text(
    """
    UPDATE job_chunks SET n_urls = counted.n, outcomes = counted.outcomes,
        bytes_stored = counted.n_bytes, updated_at = now()
    FROM (
        SELECT chunk.id, coalesce(sum(by_outcome.n), 0) AS n,
            coalesce(
                jsonb_object_agg(code, by_outcome.n) FILTER (WHERE code IS NOT NULL), '{}'
            ) AS outcomes,
            coalesce(sum(by_outcome.n_bytes), 0) AS n_bytes
        FROM job_chunks AS chunk LEFT JOIN LATERAL (
            SELECT coalesce(outcome, CASE chunk.status WHEN 'cancelled' THEN 'cancelled' END)
                    AS code,
                count(*) AS n, sum(file_size) FILTER (WHERE status = 'stored') AS n_bytes
            FROM images WHERE chunk_id = chunk.id GROUP BY 1
        ) AS by_outcome ON true
        WHERE chunk.id = ANY (CAST(:chunk_ids AS uuid[]))
        GROUP BY chunk.id
    ) AS counted
    WHERE job_chunks.id = counted.id
    """
)


class ChunkRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def lock(self, job: CrawlJob, chunk_id: UUID) -> JobChunk | None:
        return self.session.scalar(
            select(JobChunk)
            .where(JobChunk.id == chunk_id, JobChunk.crawl_job_id == job.id)
            .with_for_update()
        )

    def list_pending(self, job: CrawlJob, chunk_ids: Collection[UUID]) -> Sequence[JobChunk]:
        return self.session.scalars(
            select(JobChunk)
            .where(
                JobChunk.crawl_job_id == job.id,
                JobChunk.id.in_(chunk_ids),
                JobChunk.status == WorkStatus.pending,
            )
            .order_by(JobChunk.id)
        ).all()

    def add(
        self,
        job: CrawlJob,
        chunks: Sequence[Mapping[str, Any]],
        *,
        is_recrawl: bool,
        error_message: str | None,
        wait: timedelta | None,
    ) -> None:
        """Add pending chunks: `id`, `lane`, `per_host` of each; their counts are to follow."""
        not_before = func.now() + wait if wait is not None else None
        rows = [
            {
                **chunk,
                "user_id": job.user_id,
                "crawl_job_id": job.id,
                "status": WorkStatus.pending,
                "is_recrawl": is_recrawl,
                "not_before": not_before,
                "error_message": error_message,
                "n_urls": 0,
            }
            for chunk in chunks
        ]
        if rows:
            ahead.send(self.session, insert(JobChunk).values(rows).inline())

    def recount(self, chunk_ids: Collection[UUID]) -> None:
        """
        Make the counts of each chunk those of its images.

        What a cancelled chunk has still open counts as cancelled, which it is about to be.
        """
        ahead.send(self.session, RECOUNT.bindparams(chunk_ids=list(chunk_ids)))

    def queue(self, chunk_ids: Collection[UUID]) -> set[UUID]:
        """Pending -> queued; give those that were."""
        return set(
            self.session.scalars(
                update(JobChunk)
                .where(JobChunk.id.in_(chunk_ids), JobChunk.status == WorkStatus.pending)
                .values(status=WorkStatus.queued)
                .returning(JobChunk.id)
                .execution_options(synchronize_session=False)
            )
        )

    def restart(self, chunk: JobChunk) -> bool:
        """Queued -> pending with another attempt, unless it has moved meanwhile."""
        return (
            self.session.scalar(
                update(JobChunk)
                .where(
                    JobChunk.id == chunk.id,
                    JobChunk.attempt == chunk.attempt,
                    JobChunk.status == WorkStatus.queued,
                )
                .values(attempt=JobChunk.attempt + 1, status=WorkStatus.pending)
                .returning(JobChunk.id)
                .execution_options(synchronize_session=False)
            )
            is not None
        )

    def touch(self, chunk: JobChunk) -> None:
        """Count it as having moved just now."""
        self.session.execute(
            update(JobChunk).where(JobChunk.id == chunk.id).values(updated_at=func.now())
        )

    def list_pending_since(self, before: datetime, limit: int) -> Sequence[JobChunk]:
        """
        Chunks of any owner that nobody has queued since then, for the housekeeper.

        Those that were put off count from when their time has come.
        """
        return self.session.scalars(
            select(JobChunk)
            .where(
                JobChunk.status == WorkStatus.pending,
                or_(
                    and_(JobChunk.not_before.is_(None), JobChunk.updated_at < before),
                    JobChunk.not_before <= func.now(),
                ),
            )
            .order_by(JobChunk.updated_at)
            .limit(limit)
        ).all()

    def list_stalled(self, before: datetime, limit: int) -> Sequence[JobChunk]:
        """
        Queued chunks of any owner that have not moved since then, for the housekeeper.

        Where others of their lane (or of none) have ended since, they wait for their turn.
        """
        other = aliased(JobChunk)
        is_lane_busy = exists().where(
            other.lane.is_not_distinct_from(JobChunk.lane), other.finished_at >= before
        )
        return self.session.scalars(
            select(JobChunk)
            .where(
                JobChunk.status == WorkStatus.queued,
                JobChunk.updated_at < before,
                or_(~is_lane_busy, JobChunk.updated_at < before - QUEUE_RETENTION),
            )
            .order_by(JobChunk.updated_at)
            .limit(limit)
        ).all()

    def sample_queued(self, after: timedelta, before: timedelta, limit: int) -> Sequence[JobChunk]:
        """Some queued chunks of any owner that have not moved since between these ages."""
        return self.session.scalars(
            select(JobChunk)
            .where(
                JobChunk.status == WorkStatus.queued,
                JobChunk.updated_at.between(func.now() - before, func.now() - after),
            )
            .order_by(func.random())
            .limit(limit)
        ).all()

    def is_only_recrawled(self, job: CrawlJob) -> bool:
        """Whether something is unfinished, and all of it is chunks of a re-crawl."""
        chunks = select(func.bool_and(JobChunk.is_recrawl)).where(
            JobChunk.crawl_job_id == job.id, JobChunk.status.in_(UNFINISHED)
        )
        is_searched = exists().where(
            JobSearch.crawl_job_id == job.id, JobSearch.status.in_(UNFINISHED)
        )
        return bool(self.session.scalar(select(chunks.scalar_subquery() & ~is_searched)))

    def cancel_unfinished(self, job: CrawlJob) -> None:
        """
        What had no outcome yet is counted as cancelled; the image rows follow.

        What was taken down meanwhile stays refused, and what was only asked for again as it is.
        """
        n_settled = select(func.coalesce(func.sum(cast(_COUNTED.c.value, Integer)), 0))
        n_open = JobChunk.n_urls - n_settled.scalar_subquery()
        settled = update(JobChunk).where(
            JobChunk.crawl_job_id == job.id, JobChunk.status.in_(UNFINISHED)
        )
        ahead.send(
            self.session,
            settled.values(
                status=WorkStatus.cancelled,
                finished_at=func.now(),
                outcomes=case(
                    (n_open == 0, JobChunk.outcomes),
                    else_=JobChunk.outcomes.concat(
                        func.jsonb_build_object(Outcome.cancelled.value, n_open)
                    ),
                ),
            ).execution_options(synchronize_session=False),
        )

    def list_page(
        self, job: CrawlJob, status: WorkStatus | None, after: str | None, limit: int
    ) -> Slice[JobChunk]:
        statement = select(JobChunk).where(JobChunk.crawl_job_id == job.id)
        if status is not None:
            statement = statement.where(JobChunk.status == status)
        return db.list_page(self.session, statement, JobChunk.id, after, limit, Order.oldest)
