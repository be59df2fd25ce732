"""End jobs: when their last piece ends, or when a piece can go no further."""

from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from crawlset.images.repository import ImageRepository
from crawlset.jobs.chunk_repository import ChunkRepository
from crawlset.jobs.crawl_repository import CrawlRepository, JobCounts
from crawlset.jobs.search_repository import SearchRepository
from crawlset.models import UNFINISHED, CrawlJob, JobChunk, JobStatus, WorkStatus
from crawlset.observability import logger
from crawlset.outcomes import Outcome
from crawlset.pipeline import service as pipeline


def finish_if_done(session: Session, job: CrawlJob) -> None:
    """
    Complete the job if nothing of it is unfinished, and start what it asked for next.

    The job is locked before its pieces are looked at: of two that end at once, the second sees
    what the first did.
    """
    CrawlRepository(session).lock(job)
    finish_locked_if_done(session, job)


def finish_locked_if_done(session: Session, job: CrawlJob) -> None:
    """Do so for a job that the transaction has locked already."""
    repository = CrawlRepository(session)
    if job.status.is_final or repository.is_unfinished(job):
        return
    searches = SearchRepository(session).list_of(job)
    errors = [search.error_message for search in searches if search.status is WorkStatus.failed]
    counts = repository.count([job.id])[job.id]
    if errors and not counts.n_candidates:
        repository.finish(job, JobStatus.failed, "; ".join(filter(None, errors))[:2_000])
    elif counts.outcomes[Outcome.worker_failed] and not counts.outcomes[Outcome.stored]:
        repository.finish(job, JobStatus.failed, _why_nothing_was_stored(session, job, counts))
    else:
        repository.finish(job, JobStatus.completed)
        pipeline.start_requested(session, job)
    logger.info(
        "crawl_job_finished",
        job_id=str(job.id),
        status=job.status,
        candidates=counts.n_candidates,
    )


def _why_nothing_was_stored(session: Session, job: CrawlJob, counts: JobCounts) -> str:
    failed = f"{counts.outcomes[Outcome.worker_failed]} of {counts.n_candidates} images"
    why = ImageRepository(session).detail_of_any(job, Outcome.worker_failed)
    return f"Nothing was stored; {failed} failed on our side ({why}). They may be retried."


def fail_chunk(session: Session, job: CrawlJob, chunk_id: UUID, reason: str) -> None:
    """Make an unfinished chunk terminal; its open images fail with it, to be retried on request."""
    CrawlRepository(session).lock(job)
    chunk = ChunkRepository(session).lock(job, chunk_id)
    if chunk is None or chunk.status not in UNFINISHED:
        return
    settle_chunk(session, chunk, WorkStatus.failed, reason)
    logger.warning("chunk_failed", job_id=str(job.id), chunk_id=str(chunk_id), reason=reason)
    finish_locked_if_done(session, job)


def settle_chunk(
    session: Session, chunk: JobChunk, status: WorkStatus, reason: str | None = None
) -> None:
    """End a chunk: what it leaves open has failed; its counts are those of its images."""
    images = ImageRepository(session)
    with session.no_autoflush:  # the chunk is written once, below
        if images.count(chunk):
            images.settle_rest(chunk.id, Outcome.worker_failed, reason)
            images.count(chunk)
    chunk.status = status
    chunk.error_message = reason
    chunk.finished_at = func.now()
    session.flush()


def fail_search(session: Session, job: CrawlJob, search_id: UUID, reason: str) -> None:
    """Make an unfinished search terminal; what it has yielded stays."""
    search = SearchRepository(session).lock(job, search_id)
    if search is None:
        return
    CrawlRepository(session).lock(job)
    why = f"{search.last_error} {reason}" if search.last_error is not None else reason
    SearchRepository(session).settle(job, WorkStatus.failed, why, search_id)
    session.refresh(search)
    logger.warning("search_failed", job_id=str(job.id), search_id=str(search_id), reason=reason)
    finish_if_done(session, job)
