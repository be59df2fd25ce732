"""From one search to its parts of candidates in the bucket."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from crawlset import licences
from crawlset.errors import AppError, SourceThrottledError
from crawlset.outcomes import Outcome
from crawlset.sources.parts import Parts, SearchPlace, WritePart, progress_in
from crawlset.sources.protocol import Candidate, CandidatePage, SourceUnavailableError
from crawlset.urls.guard import MAX_URL_LENGTH
from crawlset.urls.mending import mend
from crawlset.urls.spelling import is_url
from crawlset.wire.candidates import Query, SearchError
from crawlset.wire.searches import DiscoverMessage, SearchRequest

CANCELLED = SearchError("cancelled", "The job was cancelled.")
ANSWERS = "crawlset.sources.answers"
_REPLACEMENT = "\ufffd"

Ask = Callable[[SearchRequest, Any], Iterator[CandidatePage]]
"""Ask for what is behind a cursor; None is the beginning."""
Expand = Callable[[SearchRequest], Sequence[Query]]
"""What to ask for instead of the request's keyword alone."""


@dataclass(frozen=True)
class Discovered:
    n_candidates: int
    n_parts: int
    error: str | None
    """Code of what ended the search early, for good."""


class SearchPausedError(Exception):
    """Raised when a search makes way for others; what it has found is kept."""

    def __init__(self, n_pauses: int) -> None:
        self.n_pauses = n_pauses
        """This one included."""
        super().__init__(f"The search makes way for the {n_pauses}. time.")


class Bookmark:
    """
    Where a search was left, and whether it is time to leave it; one that is kept nowhere.

    A list is left only when it is time: what is read of it costs its source nothing. The URLs that
    it had are kept too, for each turn those that are new.
    """

    def load(self) -> bytes | None:
        return None

    def save(self, progress: bytes) -> None:
        """Keep `progress` in place of what was kept before."""

    def load_seen(self, n_pauses: int) -> Iterator[bytes]:  # noqa: ARG002
        """The URLs of the turns before so many pauses."""
        return iter(())

    def save_seen(self, n_pauses: int, seen: bytes) -> None:
        """Keep the URLs that were new in the turn before this pause."""

    def is_time_up(self) -> bool:
        return False


@dataclass(slots=True)
class _Search:
    """What all queries of one search share."""

    ask: Ask
    parts: Parts
    bookmark: Bookmark
    is_cancelled: Callable[[], bool]
    n_pauses: int
    is_list: bool

    def keep(self, at: SearchPlace) -> None:
        """Keep how far it has come; where its time is up, leave it there."""
        is_time_up = self.bookmark.is_time_up()
        if self.is_list:
            if not is_time_up:
                return
            self.n_pauses += 1
            self.bookmark.save_seen(self.n_pauses, self.parts.take_new_urls())
        elif is_time_up:
            self.n_pauses += 1
            if not self.parts.is_empty:
                self.parts.close()
        self.bookmark.save(self.parts.progress(at, self.n_pauses))
        if is_time_up:
            raise SearchPausedError(self.n_pauses)


def discover(
    message: DiscoverMessage,
    *,
    ask: Ask,
    write: WritePart,
    is_cancelled: Callable[[], bool],
    expand: Expand | None = None,
    bookmark: Bookmark | None = None,
) -> Discovered:
    """
    Ask the source and write what it yields, part by part as they fill.

    With `expand` it is asked by each query for an equal share of the candidates, and for what
    those before it did not find. With `bookmark` it goes on where it was left, in this run of the
    job, and asks nothing twice but the page at which it was interrupted.

    A final error of the source ends the last part, after the candidates found before it. A
    cancelled job ends with an empty part. Doing it again writes the same keys.

    Raises:
        SourceThrottledError, SourceUnavailableError: ask again later.
        SearchPausedError: its time is up, now or in an earlier delivery of the message.
    """
    bookmark = bookmark or Bookmark()
    stored = bookmark.load()
    progress, body = progress_in(stored) if stored is not None else (None, b"")
    if progress is not None and progress.run != message.run:
        progress, body = None, b""
    if progress is None:
        queries = expand(message.request) if expand is not None else None
        at, n_pauses = None, 0
    else:
        if progress.attempt == message.attempt and progress.n_pauses > message.n_pauses:
            raise SearchPausedError(progress.n_pauses)
        queries, n_pauses = progress.queries, progress.n_pauses
        at = SearchPlace(progress.place, progress.limit, progress.until, progress.cursor)
    parts = Parts(message, write, queries, progress, body)
    is_list = message.request.is_list
    if is_list:
        for seen in bookmark.load_seen(n_pauses):
            parts.add_urls(seen)
    search = _Search(ask, parts, bookmark, is_cancelled, n_pauses, is_list)
    error: SearchError | None = None
    try:
        if not _collect_all(message.request, queries, search, at):
            parts.drop()
            error = CANCELLED
    except (SourceThrottledError, SourceUnavailableError):
        raise
    except AppError as failure:
        error = SearchError(_code(failure), str(failure))
    n_parts = parts.finish(error)
    return Discovered(parts.n_candidates, n_parts, error.code if error else None)


def _code(failure: AppError) -> str:
    """Name the failure by its class; one that only adapters tell apart by the class above that."""
    kinds = type(failure).__mro__
    return next(kind.__name__ for kind in kinds if kind.__module__ != ANSWERS)


def _collect_all(
    request: SearchRequest, queries: Sequence[Query] | None, search: _Search, at: SearchPlace | None
) -> bool:
    """Say whether the search came to its end; False when the job was cancelled."""
    keywords = [query.query for query in queries] if queries is not None else [request.keyword]
    first = at.query if at is not None else 0
    for number, keyword in enumerate(keywords[first:], first):
        if at is None:
            n_seen = search.parts.n_seen
            share = ceil((request.limit - n_seen) / (len(keywords) - number))
            if share == 0:
                return True
            at = SearchPlace(number, share, n_seen + share)
            if number:
                search.keep(at)
        if not _collect(replace(request, keyword=keyword, limit=at.limit), search, at):
            return False
        at = None
    return True


def _collect(request: SearchRequest, search: _Search, at: SearchPlace) -> bool:
    """Collect what one query finds until so much was seen; False if it was cancelled."""
    wanted = licences.wanted(request.licences)
    parts = search.parts
    pages = search.ask(request, at.cursor)
    while parts.n_seen < at.until:
        if search.is_cancelled():
            return False
        page = next(pages, None)
        if page is None:
            return True
        parts.n_skipped += page.n_skipped
        parts.read = page.read or parts.read
        for candidate in page[: at.until - parts.n_seen]:
            _judge(candidate, wanted)
            candidate.query = candidate.query or request.keyword
            parts.add(candidate)
        if page.cursor is not None and parts.n_seen < at.until:
            search.keep(replace(at, cursor=page.cursor))
    return True


def _judge(candidate: Candidate, wanted: frozenset[str] | None) -> None:
    """Mend the candidate's URL, where that makes one of it, and say why it is not to be fetched."""
    url = mend(candidate.url)
    if len(candidate.url) > MAX_URL_LENGTH or not is_url(url):
        candidate.url = _printable(candidate.url)
        candidate.refused = candidate.refused or Outcome.invalid_url
        return
    candidate.url = url
    if not licences.is_wanted(candidate.licence, wanted):
        candidate.refused = candidate.refused or Outcome.refused_licence


def _printable(text: str) -> str:
    """`text` without what would move the cursor of a terminal."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _REPLACEMENT for sign in text)
