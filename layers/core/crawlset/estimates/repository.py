"""Every query about what earlier jobs came to, and about what sources say they have."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from crawlset.kit.ids import new_id
from crawlset.models import CrawlJob, JobSearch, SourceProbe, WorkStatus
from crawlset.wire.searches import ProbeAnswer

FRESH = timedelta(days=1)
LOST = timedelta(minutes=15)
"""A question not answered for so long, or answered by an error, may be asked again."""
Pair = tuple[str, str]
"""Source and keyword."""

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


class ProbeRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def ask(self, user_id: UUID, pairs: Sequence[Pair]) -> Sequence[SourceProbe]:
        """Note as asked what nobody asked about lately; give those."""
        rows = [
            {"id": new_id(), "user_id": user_id, "source": source, "keyword": keyword}
            for source, keyword in pairs
        ]
        return self.session.scalars(
            insert(SourceProbe)
            .values(rows)
            .on_conflict_do_update(
                index_elements=["user_id", "source", "keyword"],
                set_={
                    "asked_at": func.now(),
                    "answered_at": None,
                    "total": None,
                    "n_sampled": 0,
                    "licences": {},
                    "error_message": None,
                },
                where=or_(
                    SourceProbe.asked_at < func.now() - FRESH,
                    and_(
                        or_(
                            SourceProbe.answered_at.is_(None),
                            SourceProbe.error_message.is_not(None),
                        ),
                        SourceProbe.asked_at < func.now() - LOST,
                    ),
                ),
            )
            .returning(SourceProbe)
            .execution_options(populate_existing=True)
        ).all()

    def list_of(self, user_id: UUID, pairs: Sequence[Pair]) -> Sequence[SourceProbe]:
        return self.session.scalars(
            select(SourceProbe).where(
                SourceProbe.user_id == user_id,
                tuple_(SourceProbe.source, SourceProbe.keyword).in_(pairs),
            )
        ).all()

    def record(self, told: ProbeAnswer) -> None:
        self.session.execute(
            update(SourceProbe)
            .where(SourceProbe.id == told.probe_id)
            .values(
                answered_at=func.now(),
                total=told.total,
                n_sampled=told.n_sampled,
                licences=told.licences,
                error_message=told.error,
            )
            .execution_options(synchronize_session=False)
        )
