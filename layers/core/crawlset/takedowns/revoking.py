"""Bring back what a takedown hides, after it was revoked."""

from collections import defaultdict
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.jobs.crawl_repository import CrawlRepository
from crawlset.kit import db
from crawlset.models import CrawlJob, Takedown, TakedownStatus
from crawlset.observability import logger
from crawlset.takedowns.applying import count_chunks
from crawlset.takedowns.blocklist import Blocklist, Sighting, detail_of
from crawlset.takedowns.repository import TakedownRepository
from crawlset.takedowns.taken_repository import TakenRepository


def bring_back(user_id: UUID, takedown_id: UUID) -> int:
    """
    Make the images that it hides what they were before; say how many.

    What another takedown means stays hidden by that. What was refused on its way, and was never
    stored, fails so that a retry asks for it. A transaction a job; done twice it finds nothing
    left.
    """
    with db.transaction(user_id) as session:
        takedown = TakedownRepository(session).lock(takedown_id)
        if takedown is None or takedown.status is not TakedownStatus.revoking:
            return 0
        job_ids = TakedownRepository(session).list_jobs(takedown)
    n_images = sum(_bring_back_in(user_id, takedown_id, job_id) for job_id in job_ids)
    with db.transaction(user_id) as session:
        TakedownRepository(session).complete_revoking(takedown_id)
    logger.info("takedown_revoked", takedown_id=str(takedown_id), images=n_images)
    return n_images


def _bring_back_in(user_id: UUID, takedown_id: UUID, job_id: UUID) -> int:
    with db.transaction(user_id) as session:
        takedown = TakedownRepository(session).lock(takedown_id)
        job = session.get(CrawlJob, job_id)
        if takedown is None or job is None:
            return 0
        CrawlRepository(session).lock_against_plans(job)
        taken = TakenRepository(session, job)
        detail = f"{detail_of(takedown.id)} was revoked before this was fetched"
        brought_back = taken.bring_back(takedown)
        taken.give_up_open(brought_back, detail)
        reopened = _let_in(session, taken, takedown, detail)
        count_chunks(session, taken, [*brought_back, *reopened])
    return len(brought_back)


def _let_in(session: Session, taken: TakenRepository, takedown: Takedown, detail: str) -> list[int]:
    """What was refused on its way, unless another takedown means it as well."""
    others = Blocklist(TakedownRepository(session).list_in_force(takedown.project_id))
    reopened: list[int] = []
    by_other: dict[UUID, list[int]] = defaultdict(list)
    for row in taken.stream_kept_out(takedown):
        other = others.find(Sighting.of(row))
        if other is None:
            reopened.append(row.id)
        elif row.detail is not None:
            by_other[other.id].append(row.id)
    for other_id, ids in by_other.items():
        taken.hand_over(ids, other_id)
    taken.reopen(reopened, detail)
    return reopened
