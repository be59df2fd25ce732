"""What became of a chunk: the object that `fetch` writes and `record` reads."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from crawlset.outcomes import Change, Outcome
from crawlset.wire.record import Record, Versioned

Cause = Literal["retry_after", "crawl_delay", "storage"]
UNSTORED_SECONDS = 60.0
"""Until what could not be stored is fetched again, the first time."""


@dataclass(frozen=True, slots=True)
class OutcomeHead(Versioned):
    """The first line of a chunk's outcome."""

    DROPPED: ClassVar[frozenset[str]] = frozenset(
        {"job_id", "chunk_id", "attempt", "pack_bytes", "n_urls"}
    )

    pack_key: str | None
    """The pack of what was stored; None when nothing was."""
    fetch_seconds: float = 0.0
    """Wall clock of the function that fetched."""
    bytes_received: int = 0


@dataclass(frozen=True, slots=True)
class Defer:
    """When a URL that was not settled may be asked for, and who wished so, or why."""

    seconds: float
    """From the end of the chunk."""
    cause: Cause


@dataclass(slots=True)
class UrlOutcome(Record):
    """What became of one URL: a line of the outcome object."""

    ADDED: ClassVar[frozenset[str]] = frozenset({"colours", "mosaic", "embedded", "signature"})

    n: int
    outcome: Outcome
    """With `defer`: what it becomes when it may not be tried again."""
    detail: str | None = None
    final_url: str | None = None
    http_status: int | None = None
    content_type: str | None = None
    file_size: int | None = None
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    mode: str | None = None
    n_frames: int | None = None
    phash: int | None = None
    phashes: list[int] | None = None
    pixel_hash: int | None = None
    colours: int | None = None
    mosaic: int | None = None
    signature: str | None = None
    """What a second look compares, in base64."""
    scores: dict[str, float] | None = None
    pack_offset: int | None = None
    pack_length: int | None = None
    transform: dict[str, Any] | None = None
    """How the stored bytes were made of those received."""
    embedded: dict[str, str | float] | None = None
    """What the file says about itself, as received."""
    etag: str | None = None
    last_modified: str | None = None
    change: Change | None = None
    n_retries: int = 0
    """In all, those in earlier chunks included."""
    defer: Defer | None = None
    evidence: dict[str, Any] = field(default_factory=dict)


def unstored(n: int, detail: str) -> UrlOutcome:
    """What a line says of a picture that is to be fetched again, as there was no place for it."""
    return UrlOutcome(
        n, Outcome.worker_failed, detail, defer=Defer(UNSTORED_SECONDS, cause="storage")
    )
