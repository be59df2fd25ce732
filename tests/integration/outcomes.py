"""Chunks to fetch, and what a fetcher writes of them."""

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, Image, JobChunk
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.wire import keys
from crawlset.wire.outcomes import OutcomeHead, UrlOutcome
from crawlset.wire.record import pack
from tests import factories

PACK_BYTES = 1_536


def create_open_chunk(session: Session, job: CrawlJob, n_urls: int, **overrides: Any) -> JobChunk:
    """A chunk of pending images, whose columns `overrides` set."""
    chunk = factories.create_chunk(session, job, n_urls=n_urls)
    for ordinal in range(n_urls):
        factories.create_image(
            session, chunk, **{"status": ImageStatus.pending, "ordinal": ordinal} | overrides
        )
    return chunk


def result(
    n: int, outcome: str = "stored", content: bytes | None = None, **overrides: Any
) -> UrlOutcome:
    """A line of an outcome; what is stored has bytes of its own unless `content` says otherwise."""
    seen: dict[str, Any] = {
        "final_url": "https://images.example.org/x.jpg",
        "http_status": 200,
        "content_type": "image/jpeg",
        "evidence": {"elapsed_ms": 3},
    }
    if outcome == "stored":
        content = content if content is not None else str(n).encode()
        seen |= {
            "file_size": 100,
            "sha256": hashlib.sha256(content).hexdigest(),
            "width": 640,
            "height": 480,
            "format": "jpeg",
            "mode": "RGB",
            "n_frames": 1,
            "phash": -5,
            "phashes": [-5, -6, 7, 8],
            "scores": {"sharpness": 0.5},
            "pack_offset": 512,
            "pack_length": 100,
        }
    return UrlOutcome(n, Outcome(outcome), **seen | overrides)


def put_outcome(chunk: JobChunk, results: Sequence[UrlOutcome], pack_key: str | None = None) -> str:
    """The key of the outcome; its pack is there too."""
    key = keys.outcome(chunk.crawl_job_id, chunk.id)
    pack_key = pack_key or keys.pack(chunk.crawl_job_id, chunk.id, 1, "t")
    objects.put(pack_key, bytes(PACK_BYTES))
    head = OutcomeHead(pack_key, fetch_seconds=1.5, bytes_received=2000)
    objects.put(key, pack(head, results))
    return key


def image_at(session: Session, chunk: JobChunk, n: int) -> Image:
    session.expire_all()
    return session.scalars(
        select(Image).where(Image.chunk_id == chunk.id, Image.ordinal == n)
    ).one()
