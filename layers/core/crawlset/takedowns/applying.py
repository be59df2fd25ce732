"""Make tombstones of what a takedown means, and withhold the exports that hold it."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.images.repository import ImageRepository
from crawlset.jobs.crawl_repository import CrawlRepository
from crawlset.jobs.pipeline_repository import PipelineRepository
from crawlset.kit import db
from crawlset.models import CrawlJob, ExportJob, JobStatus, Takedown, TakedownStatus
from crawlset.observability import logger
from crawlset.takedowns.blocklist import Blocklist, Sighting
from crawlset.takedowns.repository import TakedownRepository
from crawlset.takedowns.taken_repository import TakenRepository

WITHDRAWN = "Images of this export were taken down while it was written; export again."


def apply(user_id: UUID, takedown_id: UUID) -> int:
    """
    Hide what the takedown means in every crawl job of its project; say how many images.

    First what it means, then whatever else has the same bytes. Applied twice it finds nothing
    left. A transaction a job: what is planned or recorded meanwhile waits for it, or sees it.
    It stops where the takedown is revoked.
    """
    with db.transaction(user_id) as session:
        takedown = TakedownRepository(session).lock(takedown_id)
        job_ids = TakedownRepository(session).list_jobs(takedown) if takedown else []
    n_hidden = sum(_apply_to(user_id, takedown_id, job_id) for job_id in job_ids)
    with db.transaction(user_id) as session:
        takedown = TakedownRepository(session).lock(takedown_id)
        digests = TakedownRepository(session).digests(takedown) if takedown else []
    if digests:
        n_hidden += sum(_apply_to(user_id, takedown_id, job_id, digests) for job_id in job_ids)
    with db.transaction(user_id) as session:
        TakedownRepository(session).hide(takedown_id)
    logger.info("takedown_applied", takedown_id=str(takedown_id), images=n_hidden)
    return n_hidden


def meant(taken: TakenRepository, takedown: Takedown) -> list[int]:
    """The images of a job that the takedown means, and that could be taken down."""
    blocklist = Blocklist([takedown])
    return [
        row.id for row in taken.stream(takedown) if blocklist.find(Sighting.of(row)) is not None
    ]


def count_chunks(session: Session, taken: TakenRepository, ids: Iterable[int]) -> None:
    """Make the counts of their chunks right again."""
    for chunk in taken.chunks(list(ids)):
        ImageRepository(session).count(chunk)
    session.flush()


def _apply_to(user_id: UUID, takedown_id: UUID, job_id: UUID, digests: Sequence[bytes] = ()) -> int:
    """Hide what it means in a job, or what has these bytes."""
    with db.transaction(user_id) as session:
        takedown = TakedownRepository(session).lock(takedown_id)
        job = session.get(CrawlJob, job_id)
        if takedown is None or takedown.status is not TakedownStatus.pending or job is None:
            return 0
        CrawlRepository(session).lock_against_plans(job)
        taken = TakenRepository(session, job)
        ids = taken.list_same_bytes(digests) if digests else meant(taken, takedown)
        hidden = taken.hide(ids, takedown) if ids else []
        if hidden:
            taken.note_exports(takedown, taken.exports(hidden))
            for export_id in taken.active_exports():
                PipelineRepository(session).end(ExportJob, export_id, JobStatus.failed, WITHDRAWN)
            count_chunks(session, taken, hidden)
            takedown.n_images += len(hidden)
    return len(hidden)
