"""Every query about the searches of a crawl job."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, insert, or_, select, update
from sqlalchemy.orm import Session, aliased

from crawlset.kit import ahead
from crawlset.kit.ids import new_id
from crawlset.kit.strict_json import to_json
from crawlset.models import UNFINISHED, CrawlJob, JobSearch, WorkStatus
from crawlset.settings import QUEUE_RETENTION
from crawlset.wire.searches import SearchRequest


class SearchRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, job: CrawlJob, search_id: UUID) -> JobSearch | None:
        return self.session.scalar(
            select(JobSearch).where(JobSearch.id == search_id, JobSearch.crawl_job_id == job.id)
        )

    def lock(self, job: CrawlJob, search_id: UUID) -> JobSearch | None:
        return self.session.scalar(
            select(JobSearch)
            .where(JobSearch.id == search_id, JobSearch.crawl_job_id == job.id)
            .with_for_update()
        )

    def add(
        self, job: CrawlJob, requests: Iterable[SearchRequest], **columns: Any
    ) -> Sequence[JobSearch]:
        """Add a queued search for each request, in one round trip."""
        rows = [
            {
                "id": new_id(),
                "user_id": job.user_id,
                "crawl_job_id": job.id,
                "source": request.source,
                "keyword": request.keyword,
                "request": to_json(request),
                "status": WorkStatus.queued,
                **columns,
            }
            for request in requests
        ]
        statement = insert(JobSearch).returning(JobSearch, sort_by_parameter_order=True)
        return self.session.scalars(statement, rows).all()

    def list_of(self, job: CrawlJob) -> Sequence[JobSearch]:
        return self.session.scalars(
            select(JobSearch).where(JobSearch.crawl_job_id == job.id).order_by(JobSearch.id)
        ).all()

    def settle(
        self,
        job: CrawlJob,
        status: WorkStatus,
        error_message: str | None = None,
        search_id: UUID | None = None,
    ) -> None:
        """End the unfinished searches of a job, or one of them."""
        statement = update(JobSearch).where(
            JobSearch.crawl_job_id == job.id, JobSearch.status.in_(UNFINISHED)
        )
        if search_id is not None:
            statement = statement.where(JobSearch.id == search_id)
        ahead.send(
            self.session,
            statement.values(
                status=status, error_message=error_message, next_attempt_at=None
            ).execution_options(synchronize_session=False),
        )

    def list_stalled(self, before: datetime, limit: int) -> Sequence[JobSearch]:
        """
        Searches of any owner that have not moved since then, for the housekeeper.

        Where the source has ended other searches since, they wait for their turn.
        """
        other = aliased(JobSearch)
        is_source_busy = exists().where(
            other.source == JobSearch.source,
            other.status.not_in(UNFINISHED),
            other.updated_at >= before,
        )
        return self.session.scalars(
            select(JobSearch)
            .where(
                JobSearch.status.in_(UNFINISHED),
                JobSearch.not_before.is_(None),
                JobSearch.updated_at < before,
                or_(~is_source_busy, JobSearch.updated_at < before - QUEUE_RETENTION),
            )
            .order_by(JobSearch.updated_at)
            .limit(limit)
        ).all()

    def sample_queued(self, after: timedelta, before: timedelta, limit: int) -> Sequence[JobSearch]:
        """Some searches of any owner that have not moved since between these ages."""
        return self.session.scalars(
            select(JobSearch)
            .where(
                JobSearch.status.in_(UNFINISHED),
                JobSearch.not_before.is_(None),
                JobSearch.updated_at.between(func.now() - before, func.now() - after),
            )
            .order_by(func.random())
            .limit(limit)
        ).all()

    def queue_due(self, limit: int) -> Sequence[JobSearch]:
        """Requeue the deferred searches that are due, for all tenants."""
        due = (
            select(JobSearch.id)
            .where(JobSearch.status == WorkStatus.pending, JobSearch.not_before <= func.now())
            .order_by(JobSearch.not_before)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return self.session.scalars(
            update(JobSearch)
            .where(JobSearch.id.in_(due.scalar_subquery()))
            .values(status=WorkStatus.queued, not_before=None, next_attempt_at=None)
            .returning(JobSearch)
        ).all()

    def restart(self, search: JobSearch) -> JobSearch | None:
        """Count another attempt; give the search then, or none if it has moved meanwhile."""
        return self.session.scalar(
            update(JobSearch)
            .where(
                JobSearch.id == search.id,
                JobSearch.attempt == search.attempt,
                JobSearch.status.in_(UNFINISHED),
            )
            .values(attempt=JobSearch.attempt + 1, status=WorkStatus.queued)
            .returning(JobSearch)
            .execution_options(synchronize_session=False, populate_existing=True)
        )
