"""Write down what became of a chunk: the only writer of what was fetched."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset import keys
from crawlset.crawls import finishing
from crawlset.crawls.messages import parse_outcome_key
from crawlset.crawls.repository import CrawlRepository
from crawlset.crawls.work_repository import ChunkRepository
from crawlset.images.repository import ImageRepository
from crawlset.kit import db, objects
from crawlset.models import CrawlJob, JobChunk, WorkStatus
from crawlset.observability import logger, metrics
from crawlset.outcomes import Outcome

MAX_DETAIL = 500


class ForeignPackError(ValueError):
    def __init__(self, chunk_id: UUID, pack_key: str) -> None:
        super().__init__(
            f"The outcome of chunk {chunk_id} names {pack_key}, which is not its pack."
        )


FETCHED = (
    "final_url",
    "http_status",
    "content_type",
    "file_size",
    "width",
    "height",
    "format",
    "mode",
    "n_frames",
    "phash",
    "pack_offset",
    "pack_length",
    "evidence",
)


def record_outcome(key: str) -> int:
    """
    Settle the images of the chunk whose outcome is at `key`; say how many.

    The same outcome recorded twice, or one that comes after a cancel, changes nothing.
    """
    named = parse_outcome_key(key)
    head, *results = objects.get_lines(key)
    with db.transaction() as session:
        job = CrawlRepository(session).find(named.job_id)
        if job is None:
            logger.info("outcome_without_job", key=key)
            return 0
        CrawlRepository(session).lock(job)
        chunk = ChunkRepository(session).lock(job, named.chunk_id)
        if chunk is None or chunk.status not in {WorkStatus.pending, WorkStatus.queued}:
            return 0
        n_settled = _settle(session, job, chunk, _own_pack(chunk, head["pack_key"]), results)
        finishing.finish_if_done(session, job)
    logger.info(
        "chunk_recorded",
        job_id=str(named.job_id),
        chunk_id=str(named.chunk_id),
        settled=n_settled,
        outcomes=chunk.outcomes,
    )
    metrics.add_metric(name="ImagesRecorded", unit="Count", value=n_settled)
    return n_settled


def _own_pack(chunk: JobChunk, pack_key: str | None) -> str | None:
    """A fetcher has met the internet: it may name a pack of this chunk only."""
    if pack_key is not None and not pack_key.startswith(
        keys.chunk_prefix(chunk.crawl_job_id, chunk.id)
    ):
        raise ForeignPackError(chunk.id, pack_key)
    return pack_key


def _settle(
    session: Session,
    job: CrawlJob,
    chunk: JobChunk,
    pack_key: str | None,
    results: Iterable[dict[str, Any]],
) -> int:
    images = ImageRepository(session)
    ids = images.ids_by_ordinal(chunk.id)
    known = [result for result in results if result["n"] in ids]
    digests = {bytes.fromhex(r["sha256"]) for r in known if r["outcome"] == Outcome.stored}
    keepers = images.stored_by_sha256(job, digests)
    rows = []
    for result in sorted(known, key=lambda result: result["n"]):
        row = _row(ids[result["n"]], pack_key, result)
        if row["outcome"] is Outcome.stored:
            keeper = keepers.setdefault(row["sha256"], row["id"])
            if keeper != row["id"]:
                row = _as_duplicate(row, keeper)
        rows.append(row)
    images.settle(rows)
    finishing.settle_chunk(session, chunk, WorkStatus.completed)
    chunk.pack_key = pack_key
    chunk.bytes_stored = sum(row["file_size"] for row in rows if row["outcome"] is Outcome.stored)
    session.flush()
    return len(rows)


def _row(image_id: int, pack_key: str | None, result: dict[str, Any]) -> dict[str, Any]:
    outcome = Outcome(result["outcome"])
    detail = result["detail"]
    return {
        "id": image_id,
        "status": outcome.status,
        "outcome": outcome,
        "detail": detail and detail[:MAX_DETAIL],
        "sha256": bytes.fromhex(result["sha256"]) if result["sha256"] else None,
        "pack_key": pack_key if outcome is Outcome.stored else None,
        "duplicate_of": None,
        **{name: result[name] for name in FETCHED},
    }


def _as_duplicate(row: dict[str, Any], keeper: int) -> dict[str, Any]:
    """The bytes are kept once, by whichever came first."""
    return row | {
        "status": Outcome.duplicate_bytes.status,
        "outcome": Outcome.duplicate_bytes,
        "duplicate_of": keeper,
        "pack_key": None,
        "pack_offset": None,
        "pack_length": None,
    }
