"""
Find work that has stopped moving, and move it or end it.

Events and messages are the fast path. The rows are the truth: whatever they say is unfinished for
too long is looked for in the bucket, sent again, or made terminal after the last attempt.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from crawlset import outbox
from crawlset.crawls import dispatch, finishing
from crawlset.images.repository import ImageRepository
from crawlset.jobs.chunk_repository import ChunkRepository
from crawlset.jobs.crawl_repository import CrawlRepository
from crawlset.jobs.search_repository import SearchRepository
from crawlset.kit import db, objects
from crawlset.models import JobChunk, JobSearch, Target
from crawlset.observability import logger
from crawlset.outbox import Message
from crawlset.settings import MAX_ATTEMPTS, crawling_settings
from crawlset.wire import keys
from crawlset.wire.notices import ObjectNotice

DISPATCH_GRACE = timedelta(minutes=1)
"""A chunk is pending for longer than this only if whoever planned it crashed."""
STALLED = timedelta(minutes=45)
"""Longer than the visibility of a message, so that the queue has had its turn."""
ROUND = 100
MAX_ROUNDS = 5
REQUEUE_ROUNDS = 1_000
LEFT_OVER_IMAGES = 20_000
TOMBSTONES_REPEATED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """What has not moved since then is stalled. By the database clock."""

    queued: datetime
    pending: datetime
    max_attempts: int | None
    """Attempts after which work is given up; none: however many it took."""
    max_rounds: int


def sweep(*, everything: bool = False) -> dict[str, int]:
    """
    Some bounded rounds; gives how many rows of each kind were moved.

    With `everything`, whatever is unfinished counts as stalled: after the queues were lost. While
    nothing is crawled, what waits in queues has not stalled.
    """
    with db.transaction() as session:
        now = db.now(session)
    cutoffs = (
        Cutoffs(queued=now, pending=now, max_attempts=None, max_rounds=REQUEUE_ROUNDS)
        if everything
        else Cutoffs(
            queued=now - STALLED,
            pending=now - DISPATCH_GRACE,
            max_attempts=MAX_ATTEMPTS,
            max_rounds=MAX_ROUNDS,
        )
    )
    is_crawling = crawling_settings().crawling_enabled
    return {
        "deferred_searches": _send_deferred_searches(),
        "searches": _sweep_searches(cutoffs) if is_crawling else 0,
        "queued_chunks": _sweep_queued_chunks(cutoffs) if is_crawling else 0,
        "pending_chunks": _sweep_pending_chunks(cutoffs),
        "cancelled_images": _settle_cancelled(),
        "tombstones": _repeat_tombstones(),
    }


def _send_deferred_searches() -> int:
    """Send the searches that are due; the sweep ends one that cannot be read."""
    with db.transaction() as session:
        due = SearchRepository(session).queue_due(ROUND)
        jobs = CrawlRepository(session).of_searches(due)
        readable = [search for search in due if dispatch.is_readable(search)]
        outbox.post(session, [dispatch.discover_message(jobs[s.crawl_job_id], s) for s in readable])
    return len(due)


def _sweep_searches(cutoffs: Cutoffs) -> int:
    n_moved = 0
    for _ in range(cutoffs.max_rounds):
        with db.transaction() as session:
            stalled = SearchRepository(session).list_stalled(cutoffs.queued, ROUND)
        for search in stalled:
            with _going_on("search", search.id):
                _move_search(search, list(unplanned_parts(search)), cutoffs.max_attempts)
        n_moved += len(stalled)
        if len(stalled) < ROUND:
            break
    return n_moved


def unplanned_parts(search: JobSearch) -> Iterator[str]:
    """Keys of the parts of a search that are in the bucket and not planned yet."""
    for key in objects.list_keys(keys.candidates_prefix(search.crawl_job_id)):
        part = keys.parse_candidates(key)
        if part.search_id == search.id and part.part not in search.planned_parts:
            yield key


def _move_search(search: JobSearch, unplanned: list[str], max_attempts: int | None) -> None:
    """Plan the parts whose event was lost, and search again for the rest; or give up."""
    with db.transaction() as session:
        repository = SearchRepository(session)
        outbox.post(
            session, [Message(Target.plan, ObjectNotice(key).to_json()) for key in unplanned]
        )
        job = CrawlRepository(session).find(search.crawl_job_id)
        if job is None:
            return
        if not dispatch.is_readable(search):
            if not unplanned:
                finishing.fail_search(session, job, search.id, "Its request cannot be read.")
        elif max_attempts is not None and search.attempt >= max_attempts and not unplanned:
            finishing.fail_search(session, job, search.id, "The search never ended.")
        elif (restarted := repository.restart(search)) is not None:
            outbox.post(session, [dispatch.discover_message(job, restarted)])
    logger.warning(
        "search_swept",
        job_id=str(search.crawl_job_id),
        search_id=str(search.id),
        unplanned=len(unplanned),
    )


def _sweep_queued_chunks(cutoffs: Cutoffs) -> int:
    n_moved = 0
    for _ in range(cutoffs.max_rounds):
        with db.transaction() as session:
            stalled = ChunkRepository(session).list_stalled(cutoffs.queued, ROUND)
        restarted = []
        for chunk in stalled:
            with _going_on("chunk", chunk.id):
                if _move_chunk(chunk, cutoffs.max_attempts):
                    restarted.append(chunk)
        _dispatch(restarted)
        n_moved += len(stalled)
        if len(stalled) < ROUND:
            break
    return n_moved


def _move_chunk(chunk: JobChunk, max_attempts: int | None) -> bool:
    """
    Record an outcome whose event was lost; without one fetch again, or give up.

    Says whether the chunk is to be dispatched.
    """
    outcome_key = keys.outcome(chunk.crawl_job_id, chunk.id)
    is_fetched = objects.exists(outcome_key)
    is_restarted = False
    with db.transaction() as session:
        repository = ChunkRepository(session)
        if is_fetched:
            repository.touch(chunk)
            outbox.post(session, [Message(Target.results, ObjectNotice(outcome_key).to_json())])
        elif max_attempts is None or chunk.attempt < max_attempts:
            is_restarted = repository.restart(chunk)
        else:
            job = CrawlRepository(session).find(chunk.crawl_job_id)
            if job is not None:
                finishing.fail_chunk(session, job, chunk.id, "The chunk was never fetched.")
    logger.warning(
        "chunk_swept",
        job_id=str(chunk.crawl_job_id),
        chunk_id=str(chunk.id),
        attempt=chunk.attempt,
        is_fetched=is_fetched,
    )
    return is_restarted


def _sweep_pending_chunks(cutoffs: Cutoffs) -> int:
    n_moved = 0
    for _ in range(cutoffs.max_rounds):
        with db.transaction() as session:
            pending = ChunkRepository(session).list_pending_since(cutoffs.pending, ROUND)
        n_moved += _dispatch(pending)
        if len(pending) < ROUND:
            break
    return n_moved


def _dispatch(chunks: Iterable[JobChunk]) -> int:
    by_job: dict[tuple[UUID, UUID], list[UUID]] = defaultdict(list)
    for chunk in chunks:
        by_job[chunk.user_id, chunk.crawl_job_id].append(chunk.id)
    return sum(
        dispatch.dispatch(user_id, job_id, chunk_ids)
        for (user_id, job_id), chunk_ids in by_job.items()
    )


def _settle_cancelled() -> int:
    with db.transaction() as session:
        return ImageRepository(session).cancel_left_over(LEFT_OVER_IMAGES)


def _repeat_tombstones() -> int:
    """A cancel writes its tombstone after the commit, and may have crashed before."""
    with db.transaction() as session:
        cancelled = CrawlRepository(session).list_cancelled_within(TOMBSTONES_REPEATED)
    for job in cancelled:
        objects.put(keys.cancelled(job.id, job.run), b"")
    return len(cancelled)


@contextmanager
def _going_on(kind: str, id_: UUID) -> Iterator[None]:
    """One piece that cannot be moved must not keep the others back."""
    try:
        yield
    except Exception:  # noqa: BLE001 - whatever it is, it is this piece's
        logger.exception("sweep_failed", kind=kind, id=str(id_))
