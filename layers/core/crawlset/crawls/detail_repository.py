"""Everything that is shown of one crawl job but its own row, in one statement."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    FromClause,
    Integer,
    ScalarSelect,
    Select,
    cast,
    column,
    false,
    func,
    literal,
    null,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, aliased, join, outerjoin

from crawlset.exports.repository import withholding
from crawlset.jobs.crawl_repository import COUNTED, COUNTERS, JobCounts
from crawlset.models import (
    CrawlJob,
    ExportJob,
    Image,
    JobChunk,
    JobSearch,
    Project,
    Takedown,
    ValidationJob,
    WorkStatus,
)

JOBS_SHOWN = 10
"""Validation jobs of a crawl job, and export jobs: the newest."""
HOSTS_SHOWN = 10
CHUNKS_AHEAD = 20
"""Chunks whose hosts are told: a crawl delay may put off any number."""


class Awaited(NamedTuple):
    """A host with images that wait for their turn, or a reason, and until when if it is known."""

    name: str
    n_images: int
    until: datetime | None


@dataclass(slots=True)
class Detail:
    """What a crawl job has, made and waits for."""

    project: Project
    counts: JobCounts = field(default_factory=JobCounts)
    unstored: list[Awaited] = field(default_factory=list)
    """Why images are fetched again later, if no host wishes so."""
    put_off: list[Awaited] = field(default_factory=list)
    """Hosts that want to be left alone for a while, those with the most images first."""
    lanes: list[Awaited] = field(default_factory=list)
    """Leads of hosts that are asked in lanes, those with the most images first."""
    changes: Counter[str] = field(default_factory=Counter)
    """What the last re-crawl found."""
    recrawled: Counter[str] = field(default_factory=Counter)
    """Images of the chunks of the last re-crawl, by their status."""
    searches: list[JobSearch] = field(default_factory=list)
    validation_jobs: list[ValidationJob] = field(default_factory=list)
    export_jobs: list[tuple[ExportJob, Takedown | None]] = field(default_factory=list)
    """With the takedown that withholds its files, if one does."""


def read_detail(session: Session, job: CrawlJob) -> Detail:
    """
    Read what belongs to `job`; searches, validations and exports by age, the oldest first.

    Joined on a condition that never holds, the lists lie one below the other in the columns of
    their own, so that they need no other round trip and keep their types.
    """
    project = aliased(Project, select(Project).where(Project.id == job.project_id).subquery())
    asked = dict(_told(job))
    told = select(*(value.label(name) for name, value in asked.items())).subquery()
    validation_job = aliased(ValidationJob, _newest(ValidationJob, job))
    export_job = aliased(ExportJob, _newest(ExportJob, job))
    takedown = withholding(export_job)
    search = aliased(
        JobSearch, select(JobSearch).where(JobSearch.crawl_job_id == job.id).subquery()
    )
    lists: Any = join(project, told, true())
    for one in (validation_job, outerjoin(export_job, takedown, true()), search):
        lists = join(lists, one, false(), full=True)
    rows = session.execute(
        select(project, *told.c, validation_job, export_job, takedown, search)
        .select_from(lists)
        .order_by(project.id, validation_job.id, export_job.id, search.id)
    )
    (shown, *values), *others = rows.all()
    detail = _detail(shown, dict(zip(asked, values, strict=False)))
    for *_, made, exported, withheld, searched in others:
        if made is not None:
            detail.validation_jobs.append(made)
        elif exported is not None:
            detail.export_jobs.append((exported, withheld))
        else:
            detail.searches.append(searched)
    return detail


def _newest(model: type[ValidationJob | ExportJob], job: CrawlJob) -> FromClause:
    of_job = select(model).where(model.crawl_job_id == job.id)
    return of_job.order_by(model.id.desc()).limit(JOBS_SHOWN).subquery()


def _told(job: CrawlJob) -> Iterator[tuple[str, ScalarSelect[Any]]]:
    """Lists of rows; what waits only of a job that runs, what was found only of a re-crawl."""
    counters = COUNTERS.bindparams(job_ids=[job.id]).columns(*map(column, COUNTED)).subquery()
    yield "counters", _rows(select(*(counters.c[name] for name in COUNTED[1:])))
    if not job.status.is_final:
        yield "unstored", _rows(_unstored(job))
        yield "put_off", _rows(_put_off(job))
        yield "lanes", _rows(_lanes(job))
    if job.recrawled_at is not None:
        yield "changes", _rows(_changes(job))
        yield "recrawled", _rows(_recrawled(job))


def _rows(statement: Select[*tuple[Any, ...]]) -> ScalarSelect[Any]:
    """The rows of `statement` in their order, each an array of JSON."""
    rows = statement.subquery()
    return select(
        func.coalesce(func.jsonb_agg(func.jsonb_build_array(*rows.c)), literal([], JSONB))
    ).scalar_subquery()


def _detail(project: Project, told: Mapping[str, Any]) -> Detail:
    counts = JobCounts()
    for row in told["counters"]:
        counts.add(*row)
    return Detail(
        project=project,
        counts=counts,
        unstored=_awaited(told.get("unstored", [])),
        put_off=_awaited(told.get("put_off", [])),
        lanes=_awaited(told.get("lanes", [])),
        changes=Counter(dict(told.get("changes", []))),
        recrawled=Counter(dict(told.get("recrawled", []))),
    )


def _awaited(rows: list[list[Any]]) -> list[Awaited]:
    return [
        Awaited(name, n_images, None if until is None else datetime.fromisoformat(until))
        for name, n_images, until in rows
    ]


def _unstored(job: CrawlJob) -> Select[*tuple[Any, ...]]:
    why = func.coalesce(JobChunk.error_message, "")
    return (
        _deferred(job, why, func.sum(JobChunk.n_urls), func.min(JobChunk.not_before))
        .where(JobChunk.error_message.is_not(None))
        .group_by(JobChunk.error_message)
    )


def _put_off(job: CrawlJob) -> Select[*tuple[Any, ...]]:
    chunks = (
        _deferred(job, JobChunk.id, JobChunk.not_before)
        .where(JobChunk.error_message.is_(None))
        .order_by(JobChunk.not_before)
        .limit(CHUNKS_AHEAD)
        .subquery()
    )
    return (
        select(Image.host, func.count(), func.min(chunks.c.not_before))
        .join(chunks, chunks.c.id == Image.chunk_id)
        .group_by(Image.host)
        .order_by(func.count().desc(), Image.host)
        .limit(HOSTS_SHOWN)
    )


def _deferred(job: CrawlJob, *columns: Any) -> Select[*tuple[Any, ...]]:
    return select(*columns).where(
        JobChunk.crawl_job_id == job.id,
        JobChunk.status == WorkStatus.pending,
        JobChunk.not_before > func.now(),
    )


def _lanes(job: CrawlJob) -> Select[*tuple[Any, ...]]:
    lead = func.split_part(JobChunk.lane, "#", 1)
    n_images = func.sum(JobChunk.n_urls)
    return (
        select(lead, n_images, null())
        .where(
            JobChunk.crawl_job_id == job.id,
            JobChunk.status == WorkStatus.queued,
            JobChunk.lane.is_not(None),
        )
        .group_by(lead)
        .order_by(n_images.desc(), lead)
        .limit(HOSTS_SHOWN)
    )


def _changes(job: CrawlJob) -> Select[*tuple[Any, ...]]:
    entry = func.jsonb_each_text(JobChunk.changes).table_valued("key", "value")
    n = func.sum(cast(entry.c.value, Integer))
    of_last = select(entry.c.key, n).select_from(JobChunk).join(entry, true())
    return of_last.where(*_of_last_recrawl(job)).group_by(entry.c.key)


def _recrawled(job: CrawlJob) -> Select[*tuple[Any, ...]]:
    by_status = select(JobChunk.status, func.sum(JobChunk.n_urls))
    return by_status.where(*_of_last_recrawl(job)).group_by(JobChunk.status)


def _of_last_recrawl(job: CrawlJob) -> tuple[Any, ...]:
    return (
        JobChunk.crawl_job_id == job.id,
        JobChunk.is_recrawl,
        JobChunk.created_at >= job.recrawled_at,
    )
