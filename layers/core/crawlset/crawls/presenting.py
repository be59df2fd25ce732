"""Crawl jobs as the API shows them."""

from collections import Counter
from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from crawlset import costs
from crawlset.costs import BilledWork
from crawlset.crawls.progress_schemas import (
    ChunkCounts,
    Progress,
    RecrawlRead,
    WaitedFor,
    WaitRead,
)
from crawlset.crawls.schemas import (
    CostRead,
    CrawlJobDetail,
    CrawlJobRead,
    ProjectOfJob,
    SearchRead,
)
from crawlset.jobs.chunk_repository import ChunkRepository
from crawlset.jobs.crawl_repository import CrawlRepository, JobCounts
from crawlset.jobs.search_repository import SearchRepository
from crawlset.kit.strict_json import from_json
from crawlset.models import UNFINISHED, CrawlJob, JobSearch, Project, WorkStatus
from crawlset.pipeline import service as pipeline
from crawlset.resizing import Intake

HOSTS_SHOWN = 10
PUT_OFF = "It asks to be left alone for a while."
IN_TURN = "It has many images, which are asked for gently, in turn."


def read_many(session: Session, jobs: Sequence[CrawlJob]) -> list[CrawlJobRead]:
    """Jobs with their counters, in one more statement whatever their number."""
    counts = CrawlRepository(session).count([job.id for job in jobs])
    return [_read(job, counts[job.id]) for job in jobs]


def read_one(session: Session, job: CrawlJob) -> CrawlJobDetail:
    """A job with its counters, project, searches, validation and export jobs."""
    (read,) = read_many(session, [job])
    validation_jobs, export_jobs = pipeline.newest_jobs_of(session, job)
    searches = SearchRepository(session).list_of(job)
    url = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}"
    return CrawlJobDetail(
        **dict(read),
        project=ProjectOfJob.model_validate(session.get_one(Project, job.project_id)),
        waiting=[] if job.status.is_final else list(_waiting(session, job, searches)),
        recrawl=_read_recrawl(session, job),
        searches=[SearchRead.model_validate(search) for search in searches],
        validation_jobs=validation_jobs,
        export_jobs=export_jobs,
        chunks_url=f"{url}/chunks",
        images_url=f"{url}/images",
        events_url=f"{url}/events",
        validation_jobs_url=f"{url}/validation-jobs",
        export_jobs_url=f"{url}/export-jobs",
    )


def _waiting(session: Session, job: CrawlJob, searches: Sequence[JobSearch]) -> Iterator[WaitRead]:
    """Searches of one source wait together: it is asked for one at a time."""
    open_ = [search for search in searches if search.status in UNFINISHED]
    n_open = Counter(search.source for search in open_)
    held_up = {s.source: s for s in open_ if s.last_error is not None and s.next_attempt_at}
    for source, search in held_up.items():
        yield WaitRead(
            kind=WaitedFor.source,
            name=source,
            reason=search.last_error or "",
            n_waiting=n_open[source],
            until=search.next_attempt_at,
        )
    chunks = ChunkRepository(session)
    for reason, n_images, until in chunks.list_unstored(job):
        yield WaitRead(
            kind=WaitedFor.storage,
            name="storage",
            reason=reason,
            n_waiting=n_images,
            until=until,
        )
    for reason, hosts in (
        (PUT_OFF, chunks.list_put_off(job, HOSTS_SHOWN)),
        (IN_TURN, chunks.list_lanes(job, HOSTS_SHOWN)),
    ):
        for host, n_images, until in hosts:
            yield WaitRead(
                kind=WaitedFor.host, name=host, reason=reason, n_waiting=n_images, until=until
            )


def _read_recrawl(session: Session, job: CrawlJob) -> RecrawlRead | None:
    if job.recrawled_at is None:
        return None
    changes, chunks = ChunkRepository(session).count_recrawled(job)
    found = Counter(changes)
    found["pending"] = chunks.get(WorkStatus.pending, 0) + chunks.get(WorkStatus.queued, 0)
    found["cancelled"] = chunks.get(WorkStatus.cancelled, 0)
    found["failed"] += chunks.get(WorkStatus.failed, 0)
    return RecrawlRead.model_validate(
        {"started_at": job.recrawled_at, "asked": found.total(), **found}
    )


def _read(job: CrawlJob, counts: JobCounts) -> CrawlJobRead:
    intake = from_json(Intake, job.policy.get("intake", {}))
    return CrawlJobRead(
        id=job.id,
        project_id=job.project_id,
        name=job.name,
        status=job.status,
        keywords=job.keywords,
        sources=job.sources,
        max_images=job.max_images,
        licences=job.policy["licences"],
        intended_use=job.policy["intended_use"],
        expansion=job.policy.get("expansion", {}),
        policy=job.policy.get("fetch", {}),
        resize=job.policy.get("resize"),
        formats=intake.formats,
        transcode=intake.transcode,
        keep_location=job.policy.get("keep_location", False),
        **job.policy.get("list", {}),
        error_message=job.error_message,
        progress=_progress(counts),
        outcomes=dict(counts.outcomes),
        bytes_stored=counts.bytes_stored,
        bytes_received=counts.bytes_received,
        cost=_cost(job, counts) if job.status.is_final else None,
        chunks=ChunkCounts.model_validate({"total": counts.chunks.total(), **counts.chunks}),
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        deleted_at=job.deleted_at,
        purges_at=job.purges_at,
    )


def _cost(job: CrawlJob, counts: JobCounts) -> CostRead:
    work = BilledWork(
        n_searches=max(1, len(job.keywords) * len(job.sources)),
        n_candidates=counts.n_candidates,
        n_chunks=counts.n_sent,
        fetch_seconds=counts.fetch_seconds,
        bytes_stored=counts.pack_bytes,
    )
    return CostRead.model_validate(costs.cost_of(work))


def _progress(counts: JobCounts) -> Progress:
    progress = Progress(candidates=counts.n_candidates, repeated=counts.n_repeated)
    for outcome, n in counts.outcomes.items():
        setattr(progress, outcome.status, getattr(progress, outcome.status) + n)
    progress.pending = counts.n_candidates - counts.outcomes.total()
    return progress
