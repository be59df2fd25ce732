"""A URL on its way through a chunk: the candidate that goes in, the outcome that comes out."""

from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypedDict

from crawlset.outcomes import Outcome

Cause = Literal["retry_after", "crawl_delay"]
Change = Literal["unchanged", "same_picture", "replaced", "gone"]

_MAX_TEXT = 200
_UNPRINTABLE = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)))


@dataclass(frozen=True, slots=True)
class Known:
    """What an earlier fetch of the URL brought; the file's hash is of the bytes as received."""

    etag: str | None = None
    last_modified: str | None = None
    sha256: str | None = None
    phash: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line of the chunk's input."""

    n: int
    url: str
    n_retries: int = 0
    """Times it was tried again before, in earlier chunks."""
    known: Known | None = None
    """Given when it is fetched to see what has changed."""


class Defer(TypedDict):
    """When a URL that was not settled may be asked for, and who wished so."""

    seconds: float
    """From the end of the chunk."""
    cause: Cause


@dataclass(slots=True)
class UrlOutcome:
    """What became of one URL: a line of the outcome object."""

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
    scores: dict[str, float] | None = None
    pack_offset: int | None = None
    pack_length: int | None = None
    transform: dict[str, Any] | None = None
    """How the stored bytes were made of those received."""
    etag: str | None = None
    last_modified: str | None = None
    change: Change | None = None
    n_retries: int = 0
    """In all, those in earlier chunks included."""
    defer: Defer | None = None
    evidence: dict[str, Any] = field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _FIELDS}


_FIELDS = tuple(field.name for field in fields(UrlOutcome))


def printable(text: str | None) -> str | None:
    """`text` of a server as we keep it: no control characters, 200 characters at most."""
    return text.translate(_UNPRINTABLE)[:_MAX_TEXT] if text else text
