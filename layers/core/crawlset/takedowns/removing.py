"""Remove what a takedown hides, once its grace is over."""

from uuid import UUID

from crawlset.exports import files
from crawlset.exports import service as exports
from crawlset.jobs.crawl_repository import CrawlRepository
from crawlset.kit import db
from crawlset.models import CrawlJob, TakedownStatus
from crawlset.observability import logger
from crawlset.takedowns import pack_rewrites
from crawlset.takedowns.completing import complete_if_gone
from crawlset.takedowns.repository import TakedownRepository
from crawlset.takedowns.taken_repository import TakenRepository


def remove(user_id: UUID, takedown_id: UUID) -> None:
    """
    Delete the files of the exports that hold it, and have its packs rewritten without it.

    The takedown is completed when the bucket has nothing left of it.
    """
    with db.transaction(user_id) as session:
        takedown = TakedownRepository(session).lock(takedown_id)
        if takedown is None or takedown.status is not TakedownStatus.removing:
            return
        export_ids = TakedownRepository(session).withdraw_exports(takedown_id)
        job_ids = TakedownRepository(session).list_jobs(takedown)
    for export_id in export_ids:
        files.delete_all(export_id)
        with db.transaction(user_id) as session:
            exports.forget_files(session, export_id)
    n_images = sum(_remove_from(user_id, takedown_id, job_id) for job_id in job_ids)
    complete_if_gone(user_id, takedown_id)
    logger.info("takedown_removing", takedown_id=str(takedown_id), images=n_images)


def _remove_from(user_id: UUID, takedown_id: UUID, job_id: UUID) -> int:
    with db.transaction(user_id) as session:
        takedown = TakedownRepository(session).lock(takedown_id)
        job = session.get(CrawlJob, job_id)
        if takedown is None or job is None:
            return 0
        CrawlRepository(session).lock_against_plans(job)
        taken = TakenRepository(session, job)
        ids = taken.list_hidden(takedown)
        if ids:
            packs = taken.packs(ids)
            taken.forget(ids, takedown)
            pack_rewrites.ask(session, job, packs, takedown.id)
    return len(ids)
