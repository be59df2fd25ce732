"""Make tombstones of what a takedown means, and withdraw the exports that hold it."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from crawlset import pipeline_jobs
from crawlset.crawls.repository import CrawlRepository
from crawlset.exports import files
from crawlset.exports import service as exports
from crawlset.images import rewrites
from crawlset.images.blocklist import Blocklist, Sighting
from crawlset.images.repository import ImageRepository
from crawlset.kit import db
from crawlset.models import CrawlJob, ExportJob, JobStatus, Takedown
from crawlset.observability import logger
from crawlset.takedowns.repository import TakedownRepository, TakenRepository

WITHDRAWN = "Images of this export were taken down while it was written; export again."


def apply(user_id: UUID, takedown_id: UUID) -> int:
    """
    Apply the takedown to every crawl job of its project; say how many images it took.

    First what it means, then whatever else has the same bytes. Applied twice it finds nothing
    left. A transaction a job: what is planned or recorded meanwhile waits for it, or sees it.
    """
    with db.transaction(user_id) as session:
        takedown = TakedownRepository(session).lock(takedown_id)
        job_ids = TakedownRepository(session).list_jobs(takedown) if takedown else []
    n_taken = sum(_apply_to(user_id, takedown_id, job_id) for job_id in job_ids)
    n_taken += sum(
        _apply_to(user_id, takedown_id, job_id, is_for_copies=True) for job_id in job_ids
    )
    with db.transaction(user_id) as session:
        takedown = TakedownRepository(session).lock(takedown_id)
        if takedown is not None:
            takedown.applied_at = takedown.applied_at or func.now()
            session.flush()
            TakedownRepository(session).complete_if_done(takedown_id)
    logger.info("takedown_applied", takedown_id=str(takedown_id), images=n_taken)
    return n_taken


def _apply_to(
    user_id: UUID, takedown_id: UUID, job_id: UUID, *, is_for_copies: bool = False
) -> int:
    withdrawn: list[UUID] = []
    with db.transaction(user_id) as session:
        takedown = TakedownRepository(session).lock(takedown_id)
        job = session.get(CrawlJob, job_id)
        if takedown is None or job is None:
            return 0
        CrawlRepository(session).lock_against_plans(job)
        taken = TakenRepository(session, job)
        ids = taken.list_copies() if is_for_copies else _meant(taken, takedown)
        if ids:
            withdrawn = _take(session, job, takedown, ids)
    for export_id in withdrawn:
        files.delete_all(export_id)
        with db.transaction(user_id) as session:
            exports.forget_files(session, export_id)
    return len(ids)


def _meant(taken: TakenRepository, takedown: Takedown) -> list[int]:
    blocklist = Blocklist([takedown])
    return [
        row.id
        for row in taken.stream()
        if blocklist.find(
            Sighting(row.url, row.final_url, row.landing_url, row.creator, row.phashes or ())
        )
    ]


def _take(session: Session, job: CrawlJob, takedown: Takedown, ids: Collection[int]) -> list[UUID]:
    """Give the finished exports whose files are to go."""
    taken = TakenRepository(session, job)
    affected = taken.exports(ids)
    packs = taken.packs(ids)
    chunks = taken.chunks(ids)
    taken.bury(ids, f"takedown {takedown.id}")
    for chunk in chunks:
        ImageRepository(session).count(chunk)
    for export_id in taken.active_exports():
        pipeline_jobs.end(session, ExportJob, export_id, JobStatus.failed, WITHDRAWN)
    taken.note_exports(takedown, affected)
    takedown.n_images += len(ids)
    rewrites.ask(session, job, packs, takedown.id)
    return [export.export_job_id for export in affected]
