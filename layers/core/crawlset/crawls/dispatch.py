"""Hand searches to `discover`, and planned chunks to `fetch`: their input, then the message."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset import outbox
from crawlset.images.repository import ImageRepository, Work
from crawlset.jobs.chunk_repository import ChunkRepository
from crawlset.kit import db, objects
from crawlset.kit.strict_json import MalformedJsonError, from_json
from crawlset.models import CrawlJob, JobChunk, JobSearch, Target
from crawlset.outbox import Message
from crawlset.outcomes import ImageStatus
from crawlset.resizing import Intake, Resize
from crawlset.sources import catalogue
from crawlset.urls.spelling import host_of
from crawlset.wire import keys
from crawlset.wire.chunks import ChunkHead, ChunkMessage, ChunkUrl, FetchPolicy, Known, OwnedHost
from crawlset.wire.record import pack
from crawlset.wire.searches import DiscoverMessage, SearchRequest

PARALLEL_PUTS = 8


def discover_message(job: CrawlJob, search: JobSearch) -> Message:
    """One caller per source at a time: the source is the message's group."""
    return Message(
        target=Target.discover,
        body=DiscoverMessage(
            job.id,
            search.id,
            search.attempt,
            from_json(SearchRequest, search.request),
            job.run,
            search.n_pauses,
        ).to_json(),
        group_id=f"list:{job.id}" if catalogue.is_list(search.source) else search.source,
        deduplication_id=f"{search.id}:{search.attempt}:{search.n_pauses}",
    )


def is_readable(search: JobSearch) -> bool:
    """Whether the stored request of `search` can be sent."""
    try:
        from_json(SearchRequest, search.request)
    except MalformedJsonError:
        return False
    return True


def dispatch(user_id: UUID, job_id: UUID, chunk_ids: Collection[UUID]) -> int:
    """
    Queue those of the chunks that are pending; say how many.

    Runs in transactions of its own, with none open while the inputs are written. A crash in
    between leaves the chunks pending, for the tick to dispatch.
    """
    with db.transaction(user_id) as session:
        job = session.get(CrawlJob, job_id)
        if job is None or job.status.is_final:
            return 0
        work = _list_work(session, job, chunk_ids)
    return _queue(job, work)


def dispatch_after_commit(session: Session, job: CrawlJob, chunk_ids: Collection[UUID]) -> None:
    """Read what the chunks of a running job are to fetch, and queue them after the commit."""
    work = _list_work(session, job, chunk_ids)
    db.after_commit(session, lambda: _queue(job, work))


def _list_work(
    session: Session, job: CrawlJob, chunk_ids: Collection[UUID]
) -> list[tuple[JobChunk, list[Work]]]:
    chunks = ChunkRepository(session).list_pending(job, chunk_ids)
    work = ImageRepository(session).list_work(chunks)
    return [(chunk, work[chunk.id]) for chunk in chunks]


def _queue(job: CrawlJob, work: Sequence[tuple[JobChunk, Sequence[Work]]]) -> int:
    """Write the inputs, then queue the chunks that are pending still; say how many."""
    with ThreadPoolExecutor(PARALLEL_PUTS) as pool:
        list(pool.map(lambda each: _write_input(job, *each), work))
    with db.transaction(job.user_id) as session:
        queued = ChunkRepository(session).queue([chunk.id for chunk, _ in work])
        outbox.post(session, [_message(chunk) for chunk, _ in work if chunk.id in queued])
    return len(queued)


def _write_input(job: CrawlJob, chunk: JobChunk, images: Sequence[Work]) -> None:
    policy, resize, intake = map(job.policy.get, ("fetch", "resize", "intake"))
    head = ChunkHead(
        job.id,
        chunk.id,
        chunk.attempt,
        policy=from_json(FetchPolicy, policy) if policy is not None else None,
        resize=from_json(Resize, resize) if resize is not None else None,
        intake=_unusual(intake),
        keep_location=job.policy.get("keep_location", False),
        run=job.run,
        owned_host=_owned_host(chunk, images),
    )
    key = keys.chunk_input(job.id, chunk.id, chunk.attempt)
    objects.put(key, pack(head, map(_url, images)))


def _owned_host(chunk: JobChunk, images: Sequence[Work]) -> OwnedHost | None:
    if chunk.per_host is None or not images:
        return None
    return OwnedHost(host_of(images[0].url), chunk.per_host)


def _unusual(intake: dict[str, Any] | None) -> Intake | None:
    """None for what a fetcher takes by itself, which one of an earlier version need not know."""
    wanted = from_json(Intake, intake or {})
    return wanted if wanted != Intake() else None


def _url(image: Work) -> ChunkUrl:
    known = None
    if image.status is ImageStatus.stored and image.sha256 is not None:
        transform = image.transform
        known = Known(
            etag=image.etag,
            last_modified=image.last_modified,
            sha256=transform["original"]["sha256"] if transform else image.sha256.hex(),
            phash=image.phash,
            colours=image.colours,
        )
    expected = image.expected_hash if known is None else None
    return ChunkUrl(image.ordinal, image.url, image.n_retries, known, expected)


def _message(chunk: JobChunk) -> Message:
    return Message(
        target=Target.host_lanes if chunk.lane else Target.chunks,
        body=ChunkMessage(chunk.crawl_job_id, chunk.id, chunk.attempt).to_json(),
        group_id=chunk.lane,
        deduplication_id=f"{chunk.id}:{chunk.attempt}" if chunk.lane else None,
    )
