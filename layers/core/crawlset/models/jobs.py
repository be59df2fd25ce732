from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crawlset.models.base import (
    Base,
    Deletable,
    Finishing,
    Identified,
    JobStatus,
    Owned,
    Timestamped,
    WorkStatus,
    child_key,
    due_for_purge,
    one_of,
    parent,
)


class CrawlJob(Identified, Owned, Timestamped, Finishing, Deletable, Base):
    __tablename__ = "crawl_jobs"
    __table_args__ = (
        parent("projects", "project_id"),
        child_key(),
        one_of("status", JobStatus),
        CheckConstraint("max_images > 0", name="max_images_positive"),
        Index(None, "status"),
        Index(None, "project_id", "status"),
        Index(None, "user_id"),
        ForeignKeyConstraint(
            ["schedule_id", "user_id"],
            ["crawl_schedules.id", "crawl_schedules.user_id"],
            ondelete="SET NULL (schedule_id)",
        ),
        Index(None, "schedule_id"),
        due_for_purge("crawl_jobs"),
    )

    project_id: Mapped[UUID]
    schedule_id: Mapped[UUID | None]
    """The schedule that started it: what an earlier job of it has settled is left out."""
    name: Mapped[str]
    keywords: Mapped[list[str]]
    sources: Mapped[list[str]]
    max_images: Mapped[int]
    policy: Mapped[dict[str, Any]]
    """
    `licences` allowed (empty: any), the `intended_use`, the `expansion` of keywords, and for the
    fetchers: `fetch`, the signals to heed and how gently to ask, `resize`, what to store, and
    `intake`, which formats to take.
    """
    validation_rules: Mapped[dict[str, Any] | None]
    """Validate with these rules when the crawl completes."""
    export_request: Mapped[dict[str, Any] | None]
    """Export so when the crawl (and its validation) completes."""
    status: Mapped[JobStatus] = mapped_column(default=JobStatus.pending)
    run: Mapped[int] = mapped_column(server_default="1", default=1)
    """Counts how often the job was started: a cancel stops the fetchers of its run only."""
    recrawled_at: Mapped[datetime | None]
    """When its stored pictures were last asked for again."""
    error_message: Mapped[str | None]


class JobSearch(Identified, Owned, Timestamped, Base):
    """One question to one source: a keyword, or a list of URLs."""

    __tablename__ = "job_searches"
    __table_args__ = (
        parent("crawl_jobs", "crawl_job_id"),
        one_of("status", WorkStatus),
        Index(None, "crawl_job_id"),
        Index(None, "source", "updated_at"),
        Index(
            "ix_job_searches_unfinished",
            "updated_at",
            postgresql_where=text("status IN ('pending', 'queued')"),
        ),
    )

    crawl_job_id: Mapped[UUID]
    source: Mapped[str]
    keyword: Mapped[str | None]
    request: Mapped[dict[str, Any]]
    not_before: Mapped[datetime | None]
    """When its source may be asked again, while it is pending because the source asked to wait."""
    queries: Mapped[list[Any] | None] = mapped_column(JSONB)
    """What the source was asked, `query` and `by` whom, where that was more than the keyword."""
    status: Mapped[WorkStatus] = mapped_column(default=WorkStatus.pending)
    attempt: Mapped[int] = mapped_column(server_default="1", default=1)
    n_parts: Mapped[int | None]
    """Parts of candidates the search has; known from its last one."""
    planned_parts: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")
    n_candidates: Mapped[int] = mapped_column(server_default="0", default=0)
    """Candidates that were new to the job."""
    n_repeated: Mapped[int] = mapped_column(server_default="0", default=0)
    """Rows and hits whose URL the job had before, from this search or another one."""
    n_altered: Mapped[int] = mapped_column(server_default="0", default=0)
    """Candidates with a text that could not be kept whole."""
    n_skipped: Mapped[int] = mapped_column(server_default="0", default=0)
    """Items of the source's answers that could not be read."""
    n_pauses: Mapped[int] = mapped_column(server_default="0", default=0)
    """Times that it has made way for other searches of its source."""
    n_rows_read: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    """Rows of its list that have been read."""
    bytes_read: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    bytes_total: Mapped[int | None] = mapped_column(BigInteger)
    """Bytes of its list, as it is stored, once they are known."""
    n_unread: Mapped[int] = mapped_column(server_default="0", default=0)
    """Files of its list that could not be read."""
    unread_lists: Mapped[list[Any] | None] = mapped_column(JSONB)
    """The first of these: `name` and `reason`."""
    n_failures: Mapped[int] = mapped_column(server_default="0", default=0)
    """Times that its source did not answer, or asked to wait."""
    failed_at: Mapped[datetime | None]
    """When that was last, by the clock of who asked."""
    last_error: Mapped[str | None]
    """Why it is not done yet: what its source did the last time."""
    next_attempt_at: Mapped[datetime | None]
    """When its source is asked again, while it waits for that."""
    error_message: Mapped[str | None]


class SourceProbe(Identified, Owned, Base):
    """What a source said it has for a keyword, to estimate by."""

    __tablename__ = "source_probes"
    __table_args__ = (
        UniqueConstraint("user_id", "source", "keyword"),
        Index(None, "asked_at"),
    )

    source: Mapped[str]
    keyword: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(server_default=func.now())
    answered_at: Mapped[datetime | None]
    total: Mapped[int | None] = mapped_column(BigInteger)
    """Things that match; None where the source does not say."""
    n_sampled: Mapped[int] = mapped_column(server_default="0", default=0)
    licences: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    """Candidates of the first answer, by family of their licence."""
    error_message: Mapped[str | None]


class JobChunk(Identified, Owned, Timestamped, Base):
    """Candidates that one invocation fetches. The job's counters are sums over these rows."""

    __tablename__ = "job_chunks"
    __table_args__ = (
        parent("crawl_jobs", "crawl_job_id"),
        one_of("status", WorkStatus),
        Index(None, "crawl_job_id", "status"),
        Index(None, "finished_at"),
        Index(
            "ix_job_chunks_unfinished",
            "updated_at",
            postgresql_where=text("status IN ('pending', 'queued')"),
        ),
    )

    crawl_job_id: Mapped[UUID]
    lane: Mapped[str | None]
    """`lead#n` for hosts with many candidates, `host#owned` for an owned one; none for others."""
    per_host: Mapped[int | None]
    """Requests at once to the host of its lane, if that is owned."""
    not_before: Mapped[datetime | None]
    """When its hosts may be asked again, for a chunk of what an earlier one deferred."""
    is_recrawl: Mapped[bool] = mapped_column(server_default="false", default=False)
    """Its images are stored, and asked for to see what has changed."""
    status: Mapped[WorkStatus] = mapped_column(default=WorkStatus.pending)
    attempt: Mapped[int] = mapped_column(server_default="1", default=1)
    n_urls: Mapped[int]
    outcomes: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    """Images by outcome code; what is not here yet is pending."""
    changes: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    """Images of a re-crawl by what it found: a change, `refused`, or `failed`."""
    bytes_stored: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    fetch_seconds: Mapped[float] = mapped_column(Double, server_default="0", default=0.0)
    """Wall clock of the function that fetched it."""
    bytes_received: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    pack_key: Mapped[str | None]
    pack_bytes: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    """Size of the object at `pack_key`; 0 where it was not noted yet, before migration 017."""
    finished_at: Mapped[datetime | None]
    error_message: Mapped[str | None]


class JobTemplate(Identified, Owned, Timestamped, Base):
    """The configuration of a crawl job, saved to be started again."""

    __tablename__ = "job_templates"
    __table_args__ = (
        parent("projects", "project_id"),
        child_key(),
        Index(None, "project_id", "name", unique=True),
    )

    project_id: Mapped[UUID]
    name: Mapped[str]
    configuration: Mapped[dict[str, Any]]


class CrawlSchedule(Identified, Owned, Timestamped, Base):
    """When to start a template: a cron expression in an IANA time zone, or every so often."""

    __tablename__ = "crawl_schedules"
    __table_args__ = (
        parent("projects", "project_id"),
        parent("job_templates", "template_id"),
        child_key(),
        CheckConstraint("(cron IS NULL) <> (rate_seconds IS NULL)", name="cron_or_rate"),
        Index(None, "project_id", "name", unique=True),
        Index(
            "ix_crawl_schedules_due",
            "next_run_at",
            postgresql_where=text("NOT is_paused"),
        ),
    )

    project_id: Mapped[UUID]
    template_id: Mapped[UUID]
    name: Mapped[str]
    cron: Mapped[str | None]
    rate_seconds: Mapped[int | None]
    timezone: Mapped[str] = mapped_column(server_default="UTC", default="UTC")
    is_paused: Mapped[bool] = mapped_column(server_default="false", default=False)
    catches_up: Mapped[bool] = mapped_column(server_default="true", default=True)
    """Run once for the runs that were missed; otherwise they are left out."""
    next_run_at: Mapped[datetime]
    last_run_at: Mapped[datetime | None]


class JobEvent(Owned, Base):
    """
    What happened to a crawl job or to its chunks, validation and export jobs. Appended by triggers.

    Read in the order of (transaction_id, id), up to the oldest transaction still under way: ids
    alone become visible out of their order.
    """

    __tablename__ = "job_events"
    __table_args__ = (
        parent("crawl_jobs", "crawl_job_id"),
        Index(None, "crawl_job_id", "transaction_id", "id"),
        Index(None, "transaction_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, sort_order=-2)
    crawl_job_id: Mapped[UUID]
    transaction_id: Mapped[int] = mapped_column(
        BigInteger, server_default=text("(pg_current_xact_id()::text)::bigint")
    )
    type: Mapped[str]
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class EventCursor(Base):
    """How far a reader of every job's events has come."""

    __tablename__ = "event_cursors"

    reader: Mapped[str] = mapped_column(primary_key=True)
    transaction_id: Mapped[int] = mapped_column(BigInteger)
    event_id: Mapped[int] = mapped_column(BigInteger)
