"""Crawl jobs as the API shows them."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from crawlset import pipeline
from crawlset.crawls.repository import CrawlRepository, JobCounts
from crawlset.crawls.schemas import ChunkCounts, CrawlJobRead, Progress, SearchRead
from crawlset.crawls.work_repository import SearchRepository
from crawlset.models import CrawlJob


def read_many(session: Session, jobs: Sequence[CrawlJob]) -> list[CrawlJobRead]:
    """Jobs with their counters, in one more statement whatever their number."""
    counts = CrawlRepository(session).count([job.id for job in jobs])
    return [_read(job, counts[job.id]) for job in jobs]


def read_one(session: Session, job: CrawlJob) -> CrawlJobRead:
    """A job with its counters, searches, validation and export jobs."""
    (read,) = read_many(session, [job])
    read.searches = [
        SearchRead.model_validate(search) for search in SearchRepository(session).list_of(job)
    ]
    read.validation_jobs, read.export_jobs = pipeline.jobs_of(session, job)
    return read


def _read(job: CrawlJob, counts: JobCounts) -> CrawlJobRead:
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
        policy=job.policy.get("fetch", {}),
        resize=job.policy.get("resize"),
        error_message=job.error_message,
        progress=_progress(counts),
        outcomes=dict(counts.outcomes),
        bytes_stored=counts.bytes_stored,
        chunks=ChunkCounts.model_validate({"total": counts.chunks.total(), **counts.chunks}),
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def _progress(counts: JobCounts) -> Progress:
    progress = Progress(candidates=counts.n_candidates)
    for outcome, n in counts.outcomes.items():
        setattr(progress, outcome.status, getattr(progress, outcome.status) + n)
    progress.pending = counts.n_candidates - counts.outcomes.total()
    return progress
