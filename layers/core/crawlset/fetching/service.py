"""From a chunk message to its outcome in the bucket: the one thing that commits a fetch."""

import secrets
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from obstore.exceptions import BaseError, GenericError

from crawlset.errors import StorageAwayError
from crawlset.fetching import bucket
from crawlset.fetching.chunk import ChunkResult, run_chunk
from crawlset.fetching.limits import Limits
from crawlset.identity import Crawler
from crawlset.imaging.pool import DecodePool
from crawlset.observability import logger, metrics
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.wire import keys
from crawlset.wire.chunks import ChunkHead, ChunkMessage, ChunkUrl
from crawlset.wire.outcomes import OutcomeHead, UrlOutcome, unstored
from crawlset.wire.record import pack, unpack


def fetch_chunk(
    message: ChunkMessage,
    *,
    pool: DecodePool,
    crawler: Crawler,
    seconds_left: Callable[[], float],
    limits: Limits | None = None,
) -> None:
    """
    Fetch the chunk and write its pack, then its outcome; do nothing when an outcome is there.

    Of two deliveries that run side by side one writes the outcome; the other's pack has no row, and
    the tick removes it. What cannot be stored is to be fetched again later, if so much can be
    written.

    Raises `MalformedJsonError` for an input that is not to be understood, `StorageAwayError`, and
    what the bucket raises, among it that there is no input.
    """
    try:
        _fetch_chunk(message, pool, crawler, seconds_left, limits)
    except GenericError as error:  # what obstore has of servers at fault, after tries of its own
        raise StorageAwayError(str(error)) from error


def _fetch_chunk(
    message: ChunkMessage,
    pool: DecodePool,
    crawler: Crawler,
    seconds_left: Callable[[], float],
    limits: Limits | None,
) -> None:
    started = time.monotonic()
    outcome_key = keys.outcome(message.job_id, message.chunk_id)
    if bucket.exists(outcome_key):
        logger.info("chunk_already_fetched")
        return
    input_key = keys.chunk_input(message.job_id, message.chunk_id, message.attempt)
    head, urls = unpack(ChunkHead, ChunkUrl, bucket.get_lines(input_key))
    tombstone = keys.cancelled(message.job_id, head.run)
    if bucket.exists(tombstone):
        cancelled = [
            UrlOutcome(url.n, Outcome.cancelled, "job cancelled", n_retries=url.retries)
            for url in urls
        ]
        _commit(outcome_key, ChunkResult(cancelled), None, started)
        return
    with tempfile.TemporaryDirectory(prefix="chunk-") as directory:
        pack_path = Path(directory) / "pack.tar"
        result = run_chunk(
            urls,
            chunk_id=str(message.chunk_id),
            pack_path=pack_path,
            pool=pool,
            user_agent=crawler.user_agent,
            private_hosts=crawler.private_hosts,
            ca_file=crawler.ca_file,
            seconds_left=seconds_left,
            is_cancelled=lambda: _is_there(tombstone),
            policy=head.policy,
            resize=head.resize,
            intake=head.intake,
            keep_location=head.keep_location,
            owned_host=head.owned_host,
            limits=limits,
        )
        pack_key = None
        if result.n_packed:
            token = secrets.token_hex(8)
            pack_key = keys.pack(message.job_id, message.chunk_id, message.attempt, token)
            try:
                bucket.put_file(pack_key, pack_path)
            except GenericError:
                logger.exception("pack_not_stored", key=pack_key)
                result, pack_key = _without_pack(result), None
    _commit(outcome_key, result, pack_key, started)


def _without_pack(result: ChunkResult) -> ChunkResult:
    """What has a place in the pack has none in the bucket."""
    outcomes = [
        outcome if outcome.pack_offset is None else _unplaced(outcome)
        for outcome in result.outcomes
    ]
    return replace(result, outcomes=outcomes, n_packed=0)


def _unplaced(outcome: UrlOutcome) -> UrlOutcome:
    lost = unstored(outcome.n, "the bucket did not take the pack")
    lost.n_retries = outcome.n_retries
    return lost


def _is_there(tombstone: str) -> bool:
    """A look that fails must not cost what has been fetched: the next one comes in seconds."""
    try:
        return bucket.exists(tombstone)
    except BaseError:
        logger.warning("tombstone_unseen", key=tombstone)
        return False


def _commit(outcome_key: str, result: ChunkResult, pack_key: str | None, started: float) -> None:
    seconds = round(time.monotonic() - started, 3)
    head = OutcomeHead(pack_key, fetch_seconds=seconds, bytes_received=result.n_bytes_fetched)
    body = pack(head, result.outcomes)
    if not bucket.put_once(outcome_key, body) and not _is_ours(outcome_key, pack_key):
        logger.info("chunk_already_fetched", unowned_pack=pack_key)
        return
    _report(result)


def _is_ours(outcome_key: str, pack_key: str | None) -> bool:
    """Whether the outcome that is there is this execution's, whose answer was lost on the way."""
    head = OutcomeHead.from_json(next(bucket.get_lines(outcome_key), None))
    return pack_key is not None and head.pack_key == pack_key


def _report(result: ChunkResult) -> None:
    counts = result.counts
    n_stored = counts[Outcome.stored.value]
    deferred = [outcome for outcome in result.outcomes if outcome.defer is not None]
    logger.info(
        "chunk_fetched",
        outcomes=dict(counts),
        n_deferred=len(deferred),
        seconds=round(result.seconds, 3),
        images_per_second=round(n_stored / result.seconds, 1) if result.seconds else 0.0,
        bytes_fetched=result.n_bytes_fetched,
    )
    statuses = [o.outcome.status for o in result.outcomes if o.defer is None]
    failed = {ImageStatus.failed, ImageStatus.rejected}
    for name, n in (
        ("ImagesStored", n_stored),
        ("ImagesRefused", statuses.count(ImageStatus.refused)),
        ("ImagesFailed", sum(status in failed for status in statuses)),
        ("ImagesDeferred", len(deferred)),
    ):
        metrics.add_metric(name=name, unit="Count", value=n)
    metrics.add_metric(name="BytesFetched", unit="Bytes", value=result.n_bytes_fetched)
    metrics.add_metric(name="FetchSeconds", unit="Seconds", value=result.seconds)
