"""What a search is, what it yields, and what an adapter of a source must be."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, Protocol
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from crawlset.errors import SourceError
from crawlset.outcomes import Outcome
from crawlset.settings import MAX_CANDIDATES, SourceSettings

if TYPE_CHECKING:
    import httpx


class IntendedUse(StrEnum):
    research = "research"
    commercial = "commercial"
    ml_training = "ml-training"


class ManifestFormat(StrEnum):
    txt = "txt"
    csv = "csv"
    jsonl = "jsonl"
    parquet = "parquet"


class Expansion(BaseModel):
    """What else to search for besides a keyword itself."""

    model_config = ConfigDict(frozen=True)

    plurals: bool = False
    languages: tuple[str, ...] = ()
    """ISO 639 codes: the labels that Wikidata has in these languages."""
    suggestions: bool = False
    """Of the model that the deployment names."""

    def __bool__(self) -> bool:
        return self.plurals or bool(self.languages) or self.suggestions


class SearchRequest(BaseModel):
    """One question to one source: a keyword, or a list of URLs."""

    model_config = ConfigDict(frozen=True)

    source: str
    keyword: str | None = None
    manifest_key: str | None = None
    manifest_format: ManifestFormat | None = None
    manifest_name: str | None = None
    """The name of the file that was uploaded; tells the format when nobody stated it."""
    limit: Annotated[int, Field(gt=0, le=MAX_CANDIDATES)]
    """Candidates to yield at most, refused ones included."""
    licences: tuple[str, ...] = ()
    """Licence ids, families and presets that are wanted; empty for any."""
    intended_use: IntendedUse
    expansion: Expansion = Expansion()


class DiscoverMessage(BaseModel):
    v: Literal[1]
    job_id: UUID
    run: int = 1
    """Of the job: the cancel of another does not stop this search."""
    search_id: UUID
    attempt: int
    request: SearchRequest


class Deferral(BaseModel):
    """A search that waits for its source, which did not answer or asked to wait."""

    v: Literal[1] = 1
    job_id: UUID
    search_id: UUID
    attempt: int
    seconds: Annotated[float, Field(ge=0, le=86_400)]
    error: str | None = None
    """What the source did, in words that do not change while it keeps doing it."""
    failed_at: AwareDatetime | None = None
    is_handed_back: bool = True
    """Whether it is to be sent again; otherwise it waits in its queue."""


class ProbeMessage(BaseModel):
    """Ask a source for its first answer only, to learn what it has."""

    v: Literal[1]
    user_id: UUID
    probe_id: UUID
    request: SearchRequest


@dataclass(slots=True)
class Candidate:
    """An image that a source knows of. Its text is as the source gave it."""

    url: str
    query: str | None = None
    """What the source was asked; without one it was the search's keyword."""
    keyword: str | None = None
    """The class the source itself states; without one the search's keyword stands."""
    landing_url: str | None = None
    licence: str | None = None
    """Normalised by `licences.normalise`."""
    licence_raw: str | None = None
    creator: str | None = None
    attribution: str | None = None
    """A ready sentence of the source's; without one it is made of title, creator and licence."""
    title: str | None = None
    width: int | None = None
    height: int | None = None
    refused: Outcome | None = None


class Page(list[Candidate]):
    """Candidates of one answer, and how many things match in all, where the source says so."""

    def __init__(self, candidates: Iterable[Candidate] = (), *, total: int | None = None) -> None:
        super().__init__(candidates)
        self.total = total


class Search(Protocol):
    """
    Ask a source, page by page, in the source's own order.

    A page is asked for when the caller takes it, so a caller that stops costs no request.
    Policy, limits, licences and the shape of URLs are the caller's to check.

    Raises `SourceThrottledError` and `SourceUnavailableError` when the same question may be
    answered later, and any other `AppError` when it never will be.
    """

    def __call__(
        self, request: SearchRequest, *, client: "httpx.Client", settings: SourceSettings
    ) -> Iterator[Page]: ...


class SourceUnavailableError(SourceError):
    """The source cannot answer at the moment, and did not say for how long."""

    def __init__(self, source: str, why: str) -> None:
        super().__init__(f"{source} does not answer at the moment ({why}).")
