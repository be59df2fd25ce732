"""Crawl jobs as the API shows them."""

from collections import Counter
from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from crawlset import costs
from crawlset.costs import BilledWork
from crawlset.crawls.detail_repository import Detail, read_detail
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
from crawlset.crawls.service import Created
from crawlset.exports import service as exports
from crawlset.jobs.crawl_repository import CrawlRepository, JobCounts
from crawlset.kit.strict_json import from_json
from crawlset.models import UNFINISHED, CrawlJob, WorkStatus
from crawlset.resizing import Intake
from crawlset.validation.schemas import ValidationJobRead

PUT_OFF = "It asks to be left alone for a while."
IN_TURN = (
    "It, or a host that is asked beside it, has many images; they are asked for gently, in turn."
)


def read_many(session: Session, jobs: Sequence[CrawlJob]) -> list[CrawlJobRead]:
    """Jobs with their counters, in one more statement whatever their number."""
    counts = CrawlRepository(session).count([job.id for job in jobs])
    return [_read(job, counts[job.id]) for job in jobs]


def read_one(session: Session, job: CrawlJob) -> CrawlJobDetail:
    """A job with all that belongs to it, in one more statement."""
    return _read_detail(job, read_detail(session, job))


def read_new(created: Created) -> CrawlJobDetail:
    """A job that was just made, of which all is known."""
    detail = Detail(project=created.project, searches=[*created.searches])
    return _read_detail(created.job, detail)


def _read_detail(job: CrawlJob, detail: Detail) -> CrawlJobDetail:
    url = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}"
    return CrawlJobDetail(
        **dict(_read(job, detail.counts)),
        project=ProjectOfJob.model_validate(detail.project),
        waiting=[] if job.status.is_final else list(_waiting(detail)),
        recrawl=_read_recrawl(job, detail),
        searches=[SearchRead.model_validate(search) for search in detail.searches],
        validation_jobs=[ValidationJobRead.of(made) for made in detail.validation_jobs],
        export_jobs=[exports.read(*exported) for exported in detail.export_jobs],
        chunks_url=f"{url}/chunks",
        images_url=f"{url}/images",
        events_url=f"{url}/events",
        validation_jobs_url=f"{url}/validation-jobs",
        export_jobs_url=f"{url}/export-jobs",
    )


def _waiting(detail: Detail) -> Iterator[WaitRead]:
    """Searches of one source wait together: it is asked for one at a time."""
    open_ = [search for search in detail.searches if search.status in UNFINISHED]
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
    for reason, n_images, until in detail.unstored:
        yield WaitRead(
            kind=WaitedFor.storage,
            name="storage",
            reason=reason,
            n_waiting=n_images,
            until=until,
        )
    for reason, hosts in ((PUT_OFF, detail.put_off), (IN_TURN, detail.lanes)):
        for host, n_images, until in hosts:
            yield WaitRead(
                kind=WaitedFor.host, name=host, reason=reason, n_waiting=n_images, until=until
            )


def _read_recrawl(job: CrawlJob, detail: Detail) -> RecrawlRead | None:
    if job.recrawled_at is None:
        return None
    found, chunks = detail.changes.copy(), detail.recrawled
    found["pending"] = chunks[WorkStatus.pending] + chunks[WorkStatus.queued]
    found["cancelled"] = chunks[WorkStatus.cancelled]
    found["failed"] += chunks[WorkStatus.failed]
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
        per_host=job.policy.get("per_host", {}),
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
