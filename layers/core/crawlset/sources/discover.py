"""From one search to its parts of candidates in the bucket."""

import hashlib
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

from pydantic_core import to_json

from crawlset import licences
from crawlset.errors import AppError, SourceThrottledError
from crawlset.kit.json_lines import GZIP_LEVEL
from crawlset.outcomes import Outcome
from crawlset.settings import CANDIDATES_PER_PART
from crawlset.sources.manifest_rows import MAX_TITLE_CHARS
from crawlset.sources.protocol import Candidate, CandidatePage, SourceUnavailableError
from crawlset.urls.guard import MAX_URL_LENGTH
from crawlset.urls.mending import mend
from crawlset.urls.spelling import is_url
from crawlset.wire import keys
from crawlset.wire.candidates import CandidateLine, PartHead, Query, SearchError
from crawlset.wire.record import Record
from crawlset.wire.searches import DiscoverMessage, SearchRequest

PART_BYTES = 16 << 20
"""Lines of one part before gzip: very long URLs make a part of fewer candidates."""
MAX_TEXT_CHARS = 2_000
MAX_KEYWORD_CHARS = 1_000
MAX_PIXELS = 2**31 - 1
CANCELLED = SearchError("cancelled", "The job was cancelled.")

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""What PostgreSQL keeps in no text: NUL, and halves of surrogate pairs."""
_REPLACEMENT = "\ufffd"

Ask = Callable[[SearchRequest], Iterator[CandidatePage]]
Expand = Callable[[SearchRequest], Sequence[Query]]
"""What to ask for instead of the request's keyword alone."""
WritePart = Callable[[str, bytes], None]
"""Write these bytes under this key, over whatever an earlier attempt left there."""


@dataclass(frozen=True)
class Discovered:
    n_candidates: int
    n_parts: int
    error: str | None
    """Code of what ended the search early, for good."""


def discover(
    message: DiscoverMessage,
    *,
    ask: Ask,
    write: WritePart,
    is_cancelled: Callable[[], bool],
    expand: Expand | None = None,
) -> Discovered:
    """
    Ask the source and write what it yields, part by part as they fill.

    With `expand` it is asked by each query for an equal share of the candidates, and for what
    those before it did not find.

    A final error of the source ends the last part, after the candidates found before it. A
    cancelled job ends with an empty part. Doing it again writes the same keys.

    Raises `SourceThrottledError` and `SourceUnavailableError`: ask again later.
    """
    queries = expand(message.request) if expand is not None else None
    parts = Parts(message, write, queries)
    error: SearchError | None = None
    try:
        if not _collect_all(message.request, queries, ask, parts, is_cancelled):
            parts.drop()
            error = CANCELLED
    except (SourceThrottledError, SourceUnavailableError):
        raise
    except AppError as failure:
        error = SearchError(type(failure).__name__, str(failure))
    n_parts = parts.finish(error)
    return Discovered(parts.n_candidates, n_parts, error.code if error else None)


def _collect_all(
    request: SearchRequest,
    queries: Sequence[Query] | None,
    ask: Ask,
    parts: "Parts",
    is_cancelled: Callable[[], bool],
) -> bool:
    """Say whether the search came to its end; False when the job was cancelled."""
    if queries is None:
        return _collect(request, ask, parts, is_cancelled, request.limit)
    for place, query in enumerate(queries):
        share = ceil((request.limit - parts.n_seen) / (len(queries) - place))
        if share == 0:
            return True
        asked = replace(request, keyword=query.query, limit=share)
        if not _collect(asked, ask, parts, is_cancelled, parts.n_seen + share):
            return False
    return True


def _collect(
    request: SearchRequest,
    ask: Ask,
    parts: "Parts",
    is_cancelled: Callable[[], bool],
    until: int,
) -> bool:
    """Collect what one query finds until so much was seen; False if it was cancelled."""
    wanted = licences.wanted(request.licences)
    pages = ask(request)
    while parts.n_seen < until:
        if is_cancelled():
            return False
        page = next(pages, None)
        if page is None:
            return True
        for candidate in page[: until - parts.n_seen]:
            _judge(candidate, wanted)
            candidate.query = candidate.query or request.keyword
            parts.add(candidate)
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


class Parts:
    """
    The candidates of one search, in objects of at most 25,000.

    A full part is written when the next candidate comes, so that the last one is known to be.
    Of candidates with one URL the first is kept; the others are counted.
    """

    def __init__(
        self, message: DiscoverMessage, write: WritePart, queries: Sequence[Query] | None
    ) -> None:
        self.n_seen = 0
        """Candidates and repeated ones."""
        self.n_candidates = 0
        self._urls: set[bytes] = set()
        self._queries = list(queries) if queries is not None else None
        self._message = message
        self._write = write
        self._number = 0
        self._start()

    def add(self, candidate: Candidate) -> None:
        self.n_seen += 1
        cleaned, is_altered = _line(candidate, self._message.request, rank=self.n_seen)
        if self._is_repeated(cleaned.url):
            self._n_repeated += 1
            return
        if self._n_lines == CANDIDATES_PER_PART or self._n_bytes >= PART_BYTES:
            self._put(is_last=False, error=None)
            self._number += 1
            self._start()
        self.n_candidates += 1
        line = _json(cleaned)
        self._n_altered += is_altered
        self._n_lines += 1
        self._n_bytes += len(line)
        self._body += self._gzip.compress(line)

    def drop(self) -> None:
        """Forget the candidates that are not written yet."""
        self.n_candidates -= self._n_lines
        self._start()

    def finish(self, error: SearchError | None) -> int:
        """Write the last part and say how many there are."""
        self._put(is_last=True, error=error)
        return self._number + 1

    def _is_repeated(self, url: str) -> bool:
        """Note the URL, in the 16 bytes that also tell images of a job apart."""
        n_before = len(self._urls)
        self._urls.add(hashlib.sha256(url.encode()).digest()[:16])
        return len(self._urls) == n_before

    def _start(self) -> None:
        self._n_repeated = self._n_altered = 0
        self._n_lines = 0
        self._n_bytes = 0
        self._gzip = _gzip_member()
        self._body = bytearray()

    def _put(self, *, is_last: bool, error: SearchError | None) -> None:
        self._body += self._gzip.flush()
        message = self._message
        header = PartHead(
            message.attempt,
            self._number + 1 if is_last else None,
            error,
            self._queries,
            self._n_repeated,
            self._n_altered,
        )
        # The header is known last and stands first: gzip lets members follow each other.
        gzipped = _gzip_member()
        head = gzipped.compress(_json(header)) + gzipped.flush()
        key = keys.candidates(message.job_id, message.search_id, self._number)
        self._write(key, head + self._body)


def _line(candidate: Candidate, request: SearchRequest, rank: int) -> tuple[CandidateLine, bool]:
    """The candidate's line, and whether a text of it had to be altered to be kept."""
    title = _clean(candidate.title, MAX_TITLE_CHARS)
    creator = _clean(candidate.creator)
    keyword = _clean(candidate.keyword, MAX_KEYWORD_CHARS)
    url = _clean(candidate.url, MAX_URL_LENGTH) or ""
    landing_url = _clean(candidate.landing_url, MAX_URL_LENGTH)
    licence_raw = _clean(candidate.licence_raw)
    said = title and title[:MAX_TEXT_CHARS]
    line = CandidateLine(
        url=url,
        source=request.source,
        query=_clean(candidate.query),
        keyword=keyword or _clean(request.keyword, MAX_KEYWORD_CHARS),
        rank=rank,
        landing_url=landing_url,
        licence=candidate.licence,
        licence_raw=licence_raw,
        creator=creator,
        attribution=_clean(candidate.attribution)
        or licences.attribution(said, creator, candidate.licence, landing_url or url),
        title=title,
        width=_pixels(candidate.width),
        height=_pixels(candidate.height),
        refused=candidate.refused,
    )
    pairs = (
        (title, candidate.title),
        (creator, candidate.creator),
        (keyword, candidate.keyword),
        (landing_url, candidate.landing_url),
        (licence_raw, candidate.licence_raw),
    )
    return line, any(
        kept != given and kept != (given.strip() or None) for kept, given in pairs if given
    )


def _json(record: Record) -> bytes:
    return to_json(record.to_json()) + b"\n"


def _gzip_member() -> "zlib._Compress":
    return zlib.compressobj(GZIP_LEVEL, wbits=zlib.MAX_WBITS | 16)


def _clean(text: str | None, max_chars: int = MAX_TEXT_CHARS) -> str | None:
    """What can be stored of `text`."""
    if text is None:
        return None
    text = text.strip()[:max_chars]
    if not text.isascii() or "\0" in text:
        text = _UNSTORABLE.sub(_REPLACEMENT, text)
    return text.rstrip() or None


def _pixels(side: int | None) -> int | None:
    return side if side is not None and 0 < side <= MAX_PIXELS else None
