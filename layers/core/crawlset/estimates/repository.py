"""Every query about what earlier jobs came to."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, JobSearch, WorkStatus

EXPERIENCE = text(
    """
    WITH jobs AS (
        SELECT id FROM crawl_jobs
        WHERE user_id = :user_id AND status = 'completed' AND schedule_id IS NULL
            AND sources <@ cast(:sources AS text[])
        ORDER BY id DESC LIMIT 20
    ), fetched AS (
        SELECT n_urls, (outcomes ->> 'stored')::bigint AS n_stored, fetch_seconds, bytes_stored
        FROM job_chunks JOIN jobs ON jobs.id = crawl_job_id
        WHERE status = 'completed' AND n_urls > 0 AND fetch_seconds > 0 AND NOT is_recrawl
    )
    SELECT coalesce(sum(n_urls), 0), coalesce(sum(n_stored), 0)::bigint, count(*),
        coalesce(sum(fetch_seconds), 0), coalesce(sum(bytes_stored), 0)::bigint
    FROM fetched
    """
)


@dataclass(frozen=True, slots=True)
class Experience:
    """Sums over fetched chunks."""

    n_candidates: int
    n_stored: int
    n_chunks: int
    fetch_seconds: float
    bytes_stored: int


@dataclass(frozen=True, slots=True)
class Supply:
    """What a search found; all there is unless it found as many as it asked for."""

    source: str
    keyword: str | None
    n_candidates: int
    is_all: bool


class EstimateRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def experience(self, user_id: UUID, sources: Collection[str]) -> Experience:
        """What a user's newest 20 completed jobs of these sources came to."""
        bound = {"user_id": user_id, "sources": list(sources)}
        return Experience(*self.session.execute(EXPERIENCE, bound).one())

    def supplies(self, user_id: UUID, sources: Collection[str]) -> Sequence[Supply]:
        """What the newest 500 searches of a user found in these sources, newest first."""
        wanted = JobSearch.request["limit"].as_integer()
        rows = self.session.execute(
            select(
                JobSearch.source,
                JobSearch.keyword,
                JobSearch.n_candidates,
                JobSearch.n_candidates < wanted,
            )
            .join(CrawlJob, CrawlJob.id == JobSearch.crawl_job_id)
            .where(
                JobSearch.user_id == user_id,
                JobSearch.source.in_(sources),
                JobSearch.status == WorkStatus.completed,
                CrawlJob.schedule_id.is_(None),
            )
            .order_by(JobSearch.id.desc())
            .limit(500)
        )
        return [Supply(*row) for row in rows]
