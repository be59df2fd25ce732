"""Candidates that a search has found: a part that `discover` writes and `plan` reads."""

from dataclasses import dataclass
from typing import Any, ClassVar

from crawlset.outcomes import Outcome
from crawlset.wire.lists import UnreadList
from crawlset.wire.record import Record, Versioned


@dataclass(frozen=True, slots=True)
class SearchError:
    """What ended a search early, for good: the name of an error, and its text."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Query:
    """What a source is asked, and who thought of it: keyword, plural, language:de, model."""

    query: str
    by: str


@dataclass(frozen=True, slots=True)
class ListRead(Record):
    """How far the reading of a list has come."""

    n_rows: int
    n_bytes: int
    """Counted as the files are stored."""
    total_bytes: int
    unread: tuple[UnreadList, ...] = ()
    """The first files that could not be read."""
    n_unread: int = 0


@dataclass(frozen=True, slots=True)
class PartHead(Versioned):
    """The first line of a part of candidates."""

    DROPPED: ClassVar[frozenset[str]] = frozenset({"job_id", "search_id", "part"})
    ADDED: ClassVar[frozenset[str]] = frozenset(
        {"n_repeated", "n_altered", "n_skipped", "run", "read"}
    )

    attempt: int
    n_parts: int | None
    """Parts that the search has; only its last part knows."""
    error: SearchError | None = None
    queries: list[Query] | None = None
    """What the source was asked, where that was more than the keyword."""
    n_repeated: int = 0
    """Rows left out because an earlier one of the search has their URL."""
    n_altered: int = 0
    """Candidates with a text that could not be kept whole."""
    n_skipped: int = 0
    """Items of the source's answers that could not be read."""
    run: int = 1
    """Run of the job: a search that goes on in it has parts of several attempts."""
    read: ListRead | None = None
    """How much of a list has been read behind the part."""


@dataclass(frozen=True, slots=True)
class SearchProgress(Versioned):
    """
    How far a search has come: the first line of an object that `discover` writes for itself.

    Below it are the lines of the part that is not full yet.
    """

    run: int
    """Run of the job; in another one the search begins anew."""
    attempt: int
    queries: list[Query] | None
    place: int
    """Which of the queries is asked."""
    limit: int
    """Candidates that it is asked for."""
    until: int
    """Candidates that there are to be once it has been."""
    cursor: Any
    """Where its source goes on; None for its beginning."""
    part: int
    """Parts that are written."""
    n_seen: int
    n_candidates: int
    n_lines: int
    n_bytes: int
    n_repeated: int
    n_altered: int
    n_skipped: int
    n_pauses: int = 0
    """Times that the search made way for others."""


@dataclass(slots=True)
class CandidateLine(Record):
    """An image that a source knows of, cleaned: a line of a part."""

    ADDED: ClassVar[frozenset[str]] = frozenset({"columns", "is_further", "expected"})

    url: str
    source: str
    query: str | None
    keyword: str | None
    rank: int
    landing_url: str | None
    licence: str | None
    licence_raw: str | None
    creator: str | None
    attribution: str | None
    title: str | None
    width: int | None = None
    """Pixels as the source states them, as is `height`."""
    height: int | None = None
    refused: Outcome | None = None
    """Why it is not to be fetched."""
    columns: dict[str, Any] | None = None
    """What else a list says in the row."""
    is_further: bool = False
    """Whether an earlier row of the search has its URL, and this one says something else of it."""
    expected: str | None = None
    """The hash that the file must have: `sha256:` or `md5:` and hexadecimal digits."""
