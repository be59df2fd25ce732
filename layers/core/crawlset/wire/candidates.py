"""Candidates that a search has found: a part that `discover` writes and `plan` reads."""

from dataclasses import dataclass
from typing import ClassVar

from crawlset.outcomes import Outcome
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
class PartHead(Versioned):
    """The first line of a part of candidates."""

    DROPPED: ClassVar[frozenset[str]] = frozenset({"job_id", "search_id", "part"})

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


@dataclass(slots=True)
class CandidateLine(Record):
    """An image that a source knows of, cleaned: a line of a part."""

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
