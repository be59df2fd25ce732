"""From a chunk message to its outcome in the bucket: the one thing that commits a fetch."""

import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict, Field

from crawlset import keys
from crawlset.fetching.chunk import ChunkResult, UrlOutcome, run_chunk
from crawlset.fetching.limits import Limits
from crawlset.imaging.pool import DecodePool
from crawlset.kit import objects
from crawlset.observability import logger, metrics
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.settings import CrawlerSettings


class ChunkMessage(BaseModel):
    """A chunk to fetch, as it lies on the chunks and host-lanes queues."""

    model_config = ConfigDict(extra="forbid")

    v: Literal[1]
    job_id: UUID
    chunk_id: UUID
    attempt: Annotated[int, Field(ge=1, description="Counts the times this chunk was sent")]


def fetch_chunk(
    message: ChunkMessage,
    *,
    pool: DecodePool,
    crawler: CrawlerSettings,
    seconds_left: Callable[[], float],
    limits: Limits | None = None,
) -> None:
    """
    Fetch the chunk and write its pack, then its outcome; do nothing when an outcome is there.

    Of two deliveries that run side by side one writes the outcome; the other removes its own
    pack. Raises what the bucket raises, among it that there is no input.
    """
    outcome_key = keys.outcome(message.job_id, message.chunk_id)
    if objects.exists(outcome_key):
        logger.info("chunk_already_fetched")
        return
    _, *lines = objects.get_lines(
        keys.chunk_input(message.job_id, message.chunk_id, message.attempt)
    )
    urls = [(int(line["n"]), str(line["url"])) for line in lines]
    tombstone = keys.cancelled(message.job_id)
    if objects.exists(tombstone):
        cancelled = [UrlOutcome(n, Outcome.cancelled, "job cancelled") for n, _ in urls]
        _commit(message, outcome_key, ChunkResult(cancelled), None)
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
            seconds_left=seconds_left,
            is_cancelled=lambda: _is_there(tombstone),
            limits=limits,
        )
        pack_key = None
        if result.n_packed:
            token = secrets.token_hex(8)
            pack_key = keys.pack(message.job_id, message.chunk_id, message.attempt, token)
            objects.put_file(pack_key, pack_path)
    _commit(message, outcome_key, result, pack_key)


def _is_there(tombstone: str) -> bool:
    """A look that fails must not cost what has been fetched: the next one comes in seconds."""
    try:
        return objects.exists(tombstone)
    except (BotoCoreError, ClientError):
        logger.warning("tombstone_unseen", key=tombstone)
        return False


def _commit(
    message: ChunkMessage, outcome_key: str, result: ChunkResult, pack_key: str | None
) -> None:
    header = {
        "v": 1,
        "job_id": str(message.job_id),
        "chunk_id": str(message.chunk_id),
        "attempt": message.attempt,
        "pack_key": pack_key,
        "pack_bytes": result.pack_bytes if pack_key else 0,
        "n_urls": len(result.outcomes),
        "duration_seconds": round(result.seconds, 3),
    }
    body = objects.pack_lines([header, *(outcome.line() for outcome in result.outcomes)])
    if not objects.put_once(outcome_key, body) and not _is_ours(outcome_key, pack_key):
        if pack_key is not None:
            objects.delete(pack_key)
        logger.info("chunk_already_fetched")
        return
    _report(result)


def _is_ours(outcome_key: str, pack_key: str | None) -> bool:
    """Whether the outcome that is there is this execution's, whose answer was lost on the way."""
    head = next(objects.get_lines(outcome_key))
    return pack_key is not None and head["pack_key"] == pack_key


def _report(result: ChunkResult) -> None:
    counts = result.counts
    n_stored = counts[Outcome.stored.value]
    logger.info(
        "chunk_fetched",
        outcomes=dict(counts),
        seconds=round(result.seconds, 3),
        images_per_second=round(n_stored / result.seconds, 1) if result.seconds else 0.0,
        bytes_fetched=result.n_bytes_fetched,
    )
    statuses = [outcome.outcome.status for outcome in result.outcomes]
    failed = {ImageStatus.failed, ImageStatus.rejected}
    for name, n in (
        ("ImagesStored", n_stored),
        ("ImagesRefused", statuses.count(ImageStatus.refused)),
        ("ImagesFailed", sum(status in failed for status in statuses)),
    ):
        metrics.add_metric(name=name, unit="Count", value=n)
    metrics.add_metric(name="BytesFetched", unit="Bytes", value=result.n_bytes_fetched)
