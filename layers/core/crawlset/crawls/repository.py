"""Every query about candidates on their way to be images."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, LaneHost
from crawlset.wire.candidates import CandidateLine

COLUMNS = (
    "chunk_id, ordinal, url, url_hash, host, source, query, keyword, rank, landing_url, licence, "
    "licence_raw, creator, attribution, title, width, height, status, outcome, "
    "columns, expected_hash"
)
CREATE = text(
    f"CREATE TEMP TABLE candidate ON COMMIT DROP AS SELECT {COLUMNS} FROM images WITH NO DATA"
)
COPY = f"COPY candidate ({COLUMNS}) FROM STDIN"
KEEP_NEW = text(
    f"""
    WITH kept AS (
        INSERT INTO images (user_id, crawl_job_id, {COLUMNS})
        SELECT :user_id, :job_id, {COLUMNS} FROM candidate
        ON CONFLICT (crawl_job_id, url_hash) DO NOTHING
        RETURNING chunk_id, outcome
    )
    SELECT chunk_id, outcome, count(*) FROM kept GROUP BY chunk_id, outcome
    """
)
COUNT_OF_OTHERS = text(
    """
    SELECT count(*) FROM candidate
    JOIN images ON images.crawl_job_id = :job_id AND images.url_hash = candidate.url_hash
    WHERE (images.source, images.keyword) IS DISTINCT FROM (candidate.source, candidate.keyword)
    """
)
"""
A source and a keyword make one search of a job; two of them may well ask the same query. A list,
whose rows have classes of their own, is a job's only search.
"""
LEAVE_OUT_SETTLED = text(
    """
    DELETE FROM candidate
    USING images, crawl_jobs
    WHERE crawl_jobs.schedule_id = :schedule_id AND crawl_jobs.id <> :job_id
        AND crawl_jobs.deleted_at IS NULL
        AND images.crawl_job_id = crawl_jobs.id AND images.url_hash = candidate.url_hash
        AND images.status NOT IN ('pending', 'cancelled')
    """
)
COPY_FURTHER = (
    "COPY further (crawl_job_id, url_hash, rank, user_id, keyword, title, columns) FROM STDIN"
)
Placed = tuple[UUID, int, CandidateLine, str]
"""A candidate with its chunk and its place there before it, and its host behind it."""
Inserted = tuple[int, dict[str, int]]
"""How many images of a chunk are new, and the outcomes they have already."""


class CandidateRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def add_new(self, job: CrawlJob, placed: Sequence[Placed]) -> tuple[dict[UUID, Inserted], int]:
        """
        Insert the candidates whose URL is new to the job, and to its schedule.

        Gives, by chunk, how many were kept and their outcomes so far; and how many of the others
        the job has from another search.
        """
        self.session.execute(CREATE)
        cursor = self.session.connection().connection.cursor()
        with cursor.copy(COPY) as copy:
            for chunk_id, ordinal, candidate, host in placed:
                copy.write_row(_row(chunk_id, ordinal, candidate, host))
        if job.schedule_id is not None:
            self.session.execute(
                LEAVE_OUT_SETTLED, {"schedule_id": job.schedule_id, "job_id": job.id}
            )
        counted = self.session.execute(KEEP_NEW, {"user_id": job.user_id, "job_id": job.id})
        inserted: dict[UUID, Inserted] = {}
        for chunk_id, outcome, n in counted:
            total, outcomes = inserted.get(chunk_id, (0, {}))
            inserted[chunk_id] = (total + n, outcomes | ({outcome: n} if outcome else {}))
        n_of_others = 0
        if sum(n for n, _ in inserted.values()) < len(placed):
            n_of_others = self.session.scalar(COUNT_OF_OTHERS, {"job_id": job.id}) or 0
        self.session.execute(text("DROP TABLE candidate"))
        return inserted, n_of_others

    def add_further(self, job: CrawlJob, lines: Iterable[CandidateLine]) -> None:
        """Keep rows of a list whose URLs earlier ones have; those that are there stay."""
        self.session.execute(
            text("CREATE TEMP TABLE further ON COMMIT DROP AS TABLE further_rows WITH NO DATA")
        )
        cursor = self.session.connection().connection.cursor()
        with cursor.copy(COPY_FURTHER) as copy:
            for line in lines:
                columns = json.dumps(line.columns) if line.columns else None
                said = (line.keyword, line.title, columns)
                copy.write_row((job.id, _url_hash(line.url), line.rank, job.user_id, *said))
        self.session.execute(
            text("INSERT INTO further_rows SELECT * FROM further ON CONFLICT DO NOTHING")
        )
        self.session.execute(text("DROP TABLE further"))


class LaneRepository:
    """Lanes of hosts, which are no tenant's."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def leads(self, hosts: Collection[str]) -> dict[str, str]:
        """The lead of each of `hosts` that has one."""
        statement = select(LaneHost.host, LaneHost.lead).where(LaneHost.host.in_(hosts))
        rows = self.session.execute(statement)
        return {host: lead for host, lead in rows}  # noqa: C416 - rows are no pairs to mypy

    def count_members(self, leads: Collection[str]) -> dict[str, int]:
        """How many hosts each of `leads` has, in the order of their names."""
        statement = select(LaneHost.lead, func.count()).where(LaneHost.lead.in_(leads))
        rows = self.session.execute(statement.group_by(LaneHost.lead).order_by(LaneHost.lead))
        return {lead: n for lead, n in rows}  # noqa: C416 - rows are no pairs to mypy

    def add(self, leads: Mapping[str, str]) -> None:
        """Give each host its lead, unless it was given one meanwhile."""
        rows = [{"host": host, "lead": leads[host]} for host in sorted(leads)]
        self.session.execute(insert(LaneHost).on_conflict_do_nothing(), rows)


def _url_hash(url: str) -> bytes:
    return hashlib.sha256(url.encode()).digest()[:16]


def _row(chunk_id: UUID, ordinal: int, c: CandidateLine, host: str) -> tuple[Any, ...]:
    return (
        chunk_id,
        ordinal,
        c.url,
        _url_hash(c.url),
        host,
        c.source,
        c.query,
        c.keyword,
        c.rank,
        c.landing_url,
        c.licence,
        c.licence_raw,
        c.creator,
        c.attribution,
        c.title,
        c.width,
        c.height,
        c.refused.status.value if c.refused else "pending",
        c.refused.value if c.refused else None,
        json.dumps(c.columns) if c.columns else None,
        c.expected,
    )
