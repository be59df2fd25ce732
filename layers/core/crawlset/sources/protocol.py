"""What a search yields, and what an adapter of a source must be."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from crawlset.errors import SourceError
from crawlset.outcomes import Outcome
from crawlset.settings import SourceSettings
from crawlset.wire.allowances import Allowance
from crawlset.wire.candidates import ListRead
from crawlset.wire.searches import SearchRequest

if TYPE_CHECKING:
    import httpx


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
    columns: dict[str, Any] | None = None
    """What else a list says in the row."""
    expected: str | None = None
    """The hash that the file must have: `sha256:` or `md5:` and hexadecimal digits."""


class CandidatePage(list[Candidate]):
    """Candidates of one answer."""

    def __init__(
        self,
        candidates: Iterable[Candidate] = (),
        *,
        total: int | None = None,
        cursor: Any = None,
        n_skipped: int = 0,
    ) -> None:
        super().__init__(candidates)
        self.total = total
        """How many things match in all, where the source says so."""
        self.cursor = cursor
        """Where the search goes on behind this page, as JSON data; None behind its last one."""
        self.n_skipped = n_skipped
        """Items of the answer that could not be read."""
        self.read: ListRead | None = None
        """How much of a list has been read by now."""
        self.allowance: Allowance | None = None
        """How often the source may still be asked, where it says so."""


class Search(Protocol):
    """
    Ask a source, page by page, in the source's own order.

    A page is asked for when the caller takes it, so a caller that stops costs no request. With the
    `cursor` of a page the search goes on behind that page, and asks nothing that was asked before.
    Policy, limits, licences and the shape of URLs are the caller's to check.

    Raises `SourceThrottledError` and `SourceUnavailableError` when the same question may be
    answered later, and any other `AppError` when it never will be.
    """

    def __call__(
        self,
        request: SearchRequest,
        *,
        client: "httpx.Client",
        settings: SourceSettings,
        cursor: Any = None,
    ) -> Iterator[CandidatePage]: ...


class SourceUnavailableError(SourceError):
    """The source cannot answer at the moment, and did not say for how long."""

    def __init__(self, source: str, why: str) -> None:
        super().__init__(f"{source} does not answer at the moment ({why}).")
