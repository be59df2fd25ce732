"""
Send again the chunks and searches that stand still though nothing waits in their queues.

SQS loses no message; a laptop's queues, or people who empty one, do. The sweep would find the same
after 45 minutes, without asking the queues. Their counts are approximate, so this takes the first
attempts of work only, and what has an answer in the bucket is left to `lost_events`.
"""

from datetime import timedelta

from crawlset import outbox
from crawlset.crawls import dispatch, sweeping
from crawlset.jobs.chunk_repository import ChunkRepository
from crawlset.jobs.crawl_repository import CrawlRepository
from crawlset.jobs.search_repository import SearchRepository
from crawlset.kit import db, objects
from crawlset.models import JobSearch, Target
from crawlset.observability import logger
from crawlset.wire import keys

WAIT = timedelta(minutes=1)
"""SQS may take so long to count a message that was sent."""
ATTEMPTS = 3
"""Later ones are the sweep's, who gives work up after the last."""
CHUNKS = 100
SEARCHES = 20


def send_again() -> int:
    """Send what was lost, at most some of it in a round; say how many."""
    return _send_chunks() + _send_searches()


def _send_chunks() -> int:
    if not outbox.is_quiet(Target.chunks, Target.host_lanes):
        return 0
    with db.transaction() as session:
        chunks = ChunkRepository(session).sample_queued(WAIT, sweeping.STALLED, CHUNKS)
    n_sent = 0
    for chunk in chunks:
        if chunk.attempt >= ATTEMPTS or objects.exists(keys.outcome(chunk.crawl_job_id, chunk.id)):
            continue
        with db.transaction() as session:
            is_restarted = ChunkRepository(session).restart(chunk)
        if is_restarted:
            logger.warning("chunk_lost", chunk_id=str(chunk.id), attempt=chunk.attempt)
            n_sent += dispatch.dispatch(chunk.user_id, chunk.crawl_job_id, [chunk.id])
    return n_sent


def _send_searches() -> int:
    if not outbox.is_quiet(Target.discover, Target.plan):
        return 0
    with db.transaction() as session:
        searches = SearchRepository(session).sample_queued(WAIT, sweeping.STALLED, SEARCHES)
    return sum(map(_send_search, searches))


def _send_search(search: JobSearch) -> bool:
    is_last = search.attempt >= ATTEMPTS or not dispatch.is_readable(search)
    if is_last or _is_answered(search):
        return False
    with db.transaction() as session:
        job = CrawlRepository(session).find(search.crawl_job_id)
        restarted = SearchRepository(session).restart(search) if job is not None else None
        if job is None or restarted is None:
            return False
        outbox.post(session, [dispatch.discover_message(job, restarted)])
    logger.warning("search_lost", search_id=str(search.id), attempt=search.attempt)
    return True


def _is_answered(search: JobSearch) -> bool:
    """Whether parts wait to be planned, or its source has ever asked to wait: an event may come."""
    return objects.exists(keys.deferral(search.id)) or any(sweeping.unplanned_parts(search))
