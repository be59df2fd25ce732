"""A search on its way to `discover`, and what comes back when its source does not answer yet."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from crawlset.kit.strict_json import MalformedJsonError
from crawlset.settings import MAX_CANDIDATES
from crawlset.wire.record import Versioned, loads

LONGEST_DEFERRAL_SECONDS = 86_400
MAX_PROBE_TOTAL = 2**53
MAX_PROBE_SAMPLED = 2**31
MAX_PROBE_LICENCES = 100
MAX_PROBE_ERROR = 2_000


class IntendedUse(StrEnum):
    research = "research"
    commercial = "commercial"
    ml_training = "ml-training"


class ManifestFormat(StrEnum):
    txt = "txt"
    csv = "csv"
    jsonl = "jsonl"
    json = "json"
    parquet = "parquet"


@dataclass(frozen=True, slots=True)
class Expansion:
    """What else to search for besides a keyword itself."""

    plurals: bool = False
    languages: tuple[str, ...] = ()
    """ISO 639 codes: the labels that Wikidata has in these languages."""
    suggestions: bool = False
    """Queries that the deployment's language model suggests."""

    def __bool__(self) -> bool:
        return self.plurals or bool(self.languages) or self.suggestions


@dataclass(frozen=True, slots=True)
class ListReading:
    """
    How a list is to be read: its encoding, and which of its columns says what.

    A column that is not named is found by the names that it has in lists of others.
    """

    url_column: str | None = None
    caption_column: str | None = None
    label_column: str | None = None
    licence_column: str | None = None
    creator_column: str | None = None
    sha256_column: str | None = None
    """What the bytes received must have, as `md5_column`; without either nothing is compared."""
    md5_column: str | None = None
    keep_columns: tuple[str, ...] | None = None
    """Columns to keep besides those that mean something; None for all of them."""
    keep_repeated: bool = True
    """Whether further rows of a URL are kept when they say something else, or only counted."""
    encoding: str | None = None
    """None for UTF-8, or what a mark at the beginning says."""


AS_FOUND = ListReading()
"""A list read by what is found in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """One question to one source: a keyword, or a list of URLs."""

    ADDED: ClassVar[frozenset[str]] = frozenset({"reading", "lists_key", "list_uri"})

    source: str
    keyword: str | None = None
    manifest_key: str | None = None
    manifest_format: ManifestFormat | None = None
    manifest_name: str | None = None
    """Null, and read by nobody; earlier requests have it."""
    limit: int
    """Candidates to yield at most, refused ones included."""
    licences: tuple[str, ...] = ()
    """Licence ids, families and presets that are wanted; empty for any."""
    intended_use: IntendedUse
    expansion: Expansion = field(default_factory=Expansion)
    reading: ListReading = AS_FOUND
    lists_key: str | None = None
    """An object that names several lists, which are read one after the other."""
    list_uri: str | None = None
    """`s3://bucket/prefix/` of several lists, read in the order of their keys."""

    @property
    def is_list(self) -> bool:
        return any((self.manifest_key, self.lists_key, self.list_uri))

    def __post_init__(self) -> None:
        _require(0 < self.limit <= MAX_CANDIDATES, "SearchRequest.limit", self.limit)


@dataclass(frozen=True, slots=True)
class DiscoverMessage(Versioned):
    """Asks `discover` to make one search."""

    ADDED: ClassVar[frozenset[str]] = frozenset({"n_pauses"})

    job_id: UUID
    search_id: UUID
    attempt: int
    request: SearchRequest
    run: int = 1
    """Run of the job: the cancel of another run does not stop this search."""
    n_pauses: int = 0
    """Times that the search has made way for others, in this attempt."""


@dataclass(frozen=True, slots=True)
class Deferral(Versioned):
    """A search that waits for its source, which did not answer or asked to wait."""

    ADDED: ClassVar[frozenset[str]] = frozenset({"n_pauses"})

    job_id: UUID
    search_id: UUID
    attempt: int
    seconds: float
    error: str | None = None
    """What the source did, in words that do not change while it keeps doing it."""
    failed_at: datetime | None = None
    is_handed_back: bool = True
    """Whether it is to be sent again; otherwise it waits in its queue."""
    n_pauses: int = 0
    """Not 0 of a search that waits for nothing: it has made way for others, and is to go on."""

    def __post_init__(self) -> None:
        is_possible = 0 <= self.seconds <= LONGEST_DEFERRAL_SECONDS
        _require(is_possible, "Deferral.seconds", self.seconds)


@dataclass(frozen=True, slots=True)
class ProbeMessage(Versioned):
    """Asks `discover` for a source's first answer only, to learn what the source has."""

    user_id: UUID
    probe_id: UUID
    request: SearchRequest


@dataclass(frozen=True, slots=True)
class ProbeAnswer(Versioned):
    """What a source said of a probe: how much it has, and under which licences."""

    probe_id: UUID
    user_id: UUID
    n_sampled: int
    licences: dict[str, int]
    """Candidates of the first answer, by family of their licence."""
    total: int | None = None
    """Things that match; None where the source does not say."""
    error: str | None = None

    def __post_init__(self) -> None:
        _require(0 <= (self.total or 0) < MAX_PROBE_TOTAL, "ProbeAnswer.total", self.total)
        _require(0 <= self.n_sampled < MAX_PROBE_SAMPLED, "ProbeAnswer.n_sampled", self.n_sampled)
        _require(len(self.licences) <= MAX_PROBE_LICENCES, "ProbeAnswer.licences", self.licences)
        _require(len(self.error or "") <= MAX_PROBE_ERROR, "ProbeAnswer.error", self.error)


def read(body: str) -> DiscoverMessage | ProbeMessage:
    """Read a message of the queue to `discover`. Raises `MalformedJsonError`."""
    message = loads(body)
    kind = ProbeMessage if ProbeMessage.describes(message) else DiscoverMessage
    return kind.from_json(message)


def _require(is_met: bool, path: str, value: object) -> None:  # noqa: FBT001
    if not is_met:
        raise MalformedJsonError(f"{path} cannot be {value!r:.40}")
