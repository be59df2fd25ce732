"""Write down what became of a chunk: the only writer of what was fetched."""

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.crawls import finishing, recrawling
from crawlset.crawls.rechunking import rechunk
from crawlset.crawls.results import Result, settled_rows
from crawlset.images.repository import ImageRepository, Open
from crawlset.jobs.chunk_repository import ChunkRepository
from crawlset.jobs.crawl_repository import CrawlRepository
from crawlset.kit import db, objects
from crawlset.models import UNFINISHED, CrawlJob, JobChunk, WorkStatus
from crawlset.observability import logger, metrics
from crawlset.outcomes import Outcome
from crawlset.takedowns import pack_rewrites, unowned_packs
from crawlset.wire import keys
from crawlset.wire.outcomes import Defer, OutcomeHead, UrlOutcome
from crawlset.wire.record import unpack

MAX_DEFERRALS = 10
"""Times that an image is put off because its host wants to be left alone."""
MAX_UNSTORED = 6
"""Times that an image is fetched again because it could not be stored, an hour in all."""
MAX_WAIT = timedelta(days=1)
"""A host that wants to be left alone for longer is asked again after this."""
CRAWL_DELAY = "crawl_delay"
"""What puts off images that had no turn yet: each chunk gets through some of them."""
STORAGE = "storage"
UNSTORED = "Pictures could not be stored; they are fetched again."


Deferred = tuple[Open, Defer, int]
"""An image that is put off, when it may be asked for, and how often it was tried again."""


class ForeignPackError(ValueError):
    def __init__(self, chunk_id: UUID, pack_key: str) -> None:
        super().__init__(
            f"The outcome of chunk {chunk_id} names {pack_key}, which is not its pack."
        )


class MissingPackError(ValueError):
    def __init__(self, pack_key: str) -> None:
        super().__init__(f"There is no pack {pack_key}, which an outcome names.")


def record_outcome(key: str) -> int:
    """
    Settle the images of the chunk whose outcome is at `key`; say how many.

    The same outcome recorded twice, or one that comes after its chunk has ended, changes nothing;
    the pack of the latter is deleted.
    """
    named = keys.parse_outcome(key)
    head, results = unpack(OutcomeHead, UrlOutcome, objects.get_lines(key))
    pack_key = _own_pack(named, head.pack_key)
    pack_bytes = objects.size_of(pack_key) if pack_key is not None else 0
    with db.transaction() as session:
        job = CrawlRepository(session).find(named.job_id)
        if job is None:
            logger.info("outcome_without_job", key=key)
            return 0
        CrawlRepository(session).lock(job)
        chunk = ChunkRepository(session).lock(job, named.chunk_id)
        if chunk is None or chunk.status not in UNFINISHED:
            if pack_key is not None:
                db.after_commit(session, partial(unowned_packs.remove, [pack_key], job.user_id))
            return 0
        if pack_key is not None and not pack_bytes:
            raise MissingPackError(pack_key)
        n_settled = _settle(session, job, chunk, pack_key, results)
        chunk.fetch_seconds = head.fetch_seconds
        chunk.bytes_received = head.bytes_received
        chunk.pack_key, chunk.pack_bytes = pack_key, pack_bytes
        finishing.settle_chunk(session, chunk, WorkStatus.completed)
        if pack_key is not None and Outcome.refused_takedown in chunk.outcomes:
            pack_rewrites.ask(session, job, [pack_key])
        finishing.finish_locked_if_done(session, job)
    logger.info(
        "chunk_recorded",
        job_id=str(named.job_id),
        chunk_id=str(named.chunk_id),
        settled=n_settled,
        outcomes=chunk.outcomes,
    )
    metrics.add_metric(name="ImagesRecorded", unit="Count", value=n_settled)
    return n_settled


def _own_pack(named: keys.OutcomeKey, pack_key: str | None) -> str | None:
    """A fetcher has met the internet: it may name a pack of this chunk only."""
    if pack_key is not None and not pack_key.startswith(
        keys.chunk_prefix(named.job_id, named.chunk_id)
    ):
        raise ForeignPackError(named.chunk_id, pack_key)
    return pack_key


def _settle(
    session: Session,
    job: CrawlJob,
    chunk: JobChunk,
    pack_key: str | None,
    results: Iterable[UrlOutcome],
) -> int:
    """Settle a chunk's open images that have an outcome, and put off those to be asked later."""
    images = ImageRepository(session)
    open_ = images.open_by_ordinal(chunk)
    fetched: list[Result] = []
    deferred: list[Deferred] = []
    for line in sorted(results, key=lambda line: line.n):
        if (image := open_.get(line.n)) is None:
            continue
        if line.defer is not None and _may_be_deferred(image, line.defer):
            deferred.append((image, line.defer, line.n_retries))
        else:
            fetched.append((image, line))
    _defer(session, job, chunk, deferred)
    if chunk.is_recrawl:
        recrawling.settle(session, job, pack_key, fetched)
        chunk.changes = recrawling.found(fetched)
    else:
        images.settle(settled_rows(session, job, pack_key, fetched))
    return len(fetched)


def _may_be_deferred(image: Open, defer: Defer) -> bool:
    """A host that only ever wants to be left alone is given up in the end, as is a full disk."""
    most = MAX_UNSTORED if defer.cause == STORAGE else MAX_DEFERRALS
    return defer.cause == CRAWL_DELAY or image.n_deferrals < most


def _defer(session: Session, job: CrawlJob, chunk: JobChunk, deferred: Iterable[Deferred]) -> None:
    """To later chunks, those together that may be asked for in the same minute, for one cause."""
    notes = []
    by_minute: dict[tuple[int, bool], list[tuple[int, str]]] = defaultdict(list)
    for image, defer, n_retries in deferred:
        is_unstored = defer.cause == STORAGE
        wished = defer.seconds * 2**image.n_deferrals if is_unstored else defer.seconds
        seconds = min(wished, MAX_WAIT.total_seconds())
        by_minute[math.ceil(seconds / 60), is_unstored].append((image.id, image.host))
        n_deferrals = image.n_deferrals + (defer.cause != CRAWL_DELAY)
        notes.append({"id": image.id, "n_retries": n_retries, "n_deferrals": n_deferrals})
    ImageRepository(session).note_deferral(chunk, notes)
    for (minutes, is_unstored), images in sorted(by_minute.items()):
        rechunk(
            session,
            job,
            images,
            is_recrawl=chunk.is_recrawl,
            wait=timedelta(minutes=minutes),
            reason=UNSTORED if is_unstored else None,
        )
