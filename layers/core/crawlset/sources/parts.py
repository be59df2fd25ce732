"""The candidates of one search, written part by part as they fill."""

import math
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from crawlset import licences
from crawlset.kit.json_lines import GZIP_LEVEL
from crawlset.settings import CANDIDATES_IN_FIRST_PART, CANDIDATES_PER_PART
from crawlset.sources.manifest_columns import kept
from crawlset.sources.manifest_rows import MAX_TITLE_CHARS
from crawlset.sources.protocol import Candidate
from crawlset.sources.seen_urls import SeenUrls
from crawlset.urls.guard import MAX_URL_LENGTH
from crawlset.wire import keys
from crawlset.wire.candidates import (
    CandidateLine,
    ListRead,
    PartHead,
    Query,
    SearchError,
    SearchProgress,
)
from crawlset.wire.record import Record
from crawlset.wire.searches import DiscoverMessage, SearchRequest

PART_BYTES = 16 << 20
"""Lines of one part before gzip: very long URLs make a part of fewer candidates."""
MAX_TEXT_CHARS = 2_000
MAX_KEYWORD_CHARS = 1_000
MAX_PIXELS = 2**31 - 1

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""What PostgreSQL keeps in no text: NUL, and halves of surrogate pairs."""
_REPLACEMENT = "\ufffd"

WritePart = Callable[[str, bytes], None]
"""Write these bytes under this key, over whatever an earlier attempt left there."""


@dataclass(frozen=True, slots=True)
class SearchPlace:
    """Where a search is."""

    query: int = 0
    """Which of its queries is asked."""
    limit: int = 0
    """Candidates that the query is asked for."""
    until: int = 0
    """Candidates that there are to be once it has been."""
    cursor: Any = None


class Parts:
    """
    The candidates of one search, in objects of at most 25,000, the first of at most 1,000.

    A full part is written when the next candidate comes, so that the last one is known to be.
    Of candidates with one URL the first is kept. The others are counted, and those of lists that
    say something else of it are kept as further rows.
    """

    def __init__(
        self,
        message: DiscoverMessage,
        write: WritePart,
        queries: Sequence[Query] | None,
        progress: SearchProgress | None = None,
        body: bytes = b"",
    ) -> None:
        """With `progress`, and `body` of the part that was not full, the search goes on."""
        self.n_seen = 0
        """Candidates and repeated ones."""
        self.n_candidates = 0
        self.n_skipped = 0
        """Items of the source's answers that could not be read, not told in a part yet."""
        self.read: ListRead | None = None
        """How much of a list has been read."""
        self._urls = SeenUrls()
        """
        The URLs seen in this turn, with what the first row says; of a list all. Others of the
        search are told apart when planned.
        """
        request = message.request
        self._keeps_further = request.is_list and request.reading.keep_repeated
        self._queries = list(queries) if queries is not None else None
        self._message = message
        self._write = write
        self._number = 0
        self._start()
        if progress is not None:
            self.n_seen, self.n_candidates = progress.n_seen, progress.n_candidates
            self._number, self._body = progress.part, bytearray(body)
            self._n_lines, self._n_bytes = progress.n_lines, progress.n_bytes
            self._n_new = progress.n_lines
            self._n_repeated, self._n_altered = progress.n_repeated, progress.n_altered
            self.n_skipped = progress.n_skipped

    def add(self, candidate: Candidate) -> None:
        self.n_seen += 1
        cleaned, is_altered = _line(candidate, self._message.request, rank=self.n_seen)
        said = _said(cleaned)
        if (first := self._urls.said_first(cleaned.url, said)) is not None:
            self._n_repeated += 1
            if not self._keeps_further or cleaned.refused or first == said:
                return
            cleaned.is_further = True
        if self._n_lines == self._most_lines or self._n_bytes >= PART_BYTES:
            self.close()
        self.n_candidates += not cleaned.is_further
        self._n_new += not cleaned.is_further
        line = _json(cleaned)
        self._n_altered += is_altered
        self._n_lines += 1
        self._n_bytes += len(line)
        self._body += self._gzip.compress(line)

    def take_new_urls(self) -> bytes:
        """The URLs that are new since this was last asked, as `add_urls` takes them."""
        return self._urls.take_new()

    def add_urls(self, seen: bytes) -> None:
        self._urls.add(seen)

    def close(self) -> None:
        """Write the open part, and begin another."""
        self._put(is_last=False, error=None)
        self._number += 1
        self._start()

    def drop(self) -> None:
        """Forget the candidates that are not written yet."""
        self.n_candidates -= self._n_new
        self._start()

    def finish(self, error: SearchError | None) -> int:
        """Write the last part and say how many there are."""
        self._put(is_last=True, error=error)
        return self._number + 1

    @property
    def _most_lines(self) -> int:
        if self._number == 0:
            return min(CANDIDATES_IN_FIRST_PART, CANDIDATES_PER_PART)
        return CANDIDATES_PER_PART

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands in the open part."""
        return self._n_lines == 0

    def progress(self, at: SearchPlace, n_pauses: int) -> bytes:
        """An object from which the search can go on, as `progress_in` reads it."""
        message = self._message
        # A copy is ended, so that the part itself goes on.
        body = bytes(self._body) + self._gzip.copy().flush()
        head = SearchProgress(
            run=message.run,
            attempt=message.attempt,
            queries=self._queries,
            place=at.query,
            limit=at.limit,
            until=at.until,
            cursor=at.cursor,
            part=self._number,
            n_seen=self.n_seen,
            n_candidates=self.n_candidates,
            n_lines=self._n_lines,
            n_bytes=self._n_bytes,
            n_repeated=self._n_repeated,
            n_altered=self._n_altered,
            n_skipped=self.n_skipped,
            n_pauses=n_pauses,
        )
        return _gzipped(head) + body

    def _start(self) -> None:
        self._n_repeated = self._n_altered = self.n_skipped = 0
        self._n_lines = self._n_new = 0
        self._n_bytes = 0
        self._gzip = _gzip_member()
        self._body = bytearray()

    def _put(self, *, is_last: bool, error: SearchError | None) -> None:
        message = self._message
        header = PartHead(
            message.attempt,
            self._number + 1 if is_last else None,
            error,
            self._queries,
            self._n_repeated,
            self._n_altered,
            self.n_skipped,
            message.run,
            self.read,
        )
        key = keys.candidates(message.job_id, message.search_id, self._number)
        # The header is known last and stands first: gzip lets members follow each other.
        self._write(key, _gzipped(header) + self._body + self._gzip.flush())


def progress_in(stored: bytes) -> tuple[SearchProgress, bytes]:
    """How far a search has come, and the lines of its open part, gzipped."""
    member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    head = member.decompress(stored)
    return SearchProgress.from_json(head), member.unused_data


def _line(candidate: Candidate, request: SearchRequest, rank: int) -> tuple[CandidateLine, bool]:
    """The candidate's line, and whether a text of it had to be altered to be kept."""
    title = _clean(candidate.title, MAX_TITLE_CHARS)
    creator = _clean(candidate.creator)
    keyword = _clean(candidate.keyword, MAX_KEYWORD_CHARS)
    url = _clean(candidate.url, MAX_URL_LENGTH) or ""
    landing_url = _clean(candidate.landing_url, MAX_URL_LENGTH)
    licence_raw = _clean(candidate.licence_raw)
    columns = _columns(candidate.columns)
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
        columns=columns,
        expected=candidate.expected,
    )
    pairs = (
        (title, candidate.title),
        (creator, candidate.creator),
        (keyword, candidate.keyword),
        (landing_url, candidate.landing_url),
        (licence_raw, candidate.licence_raw),
    )
    return line, columns != candidate.columns or any(
        kept != given and kept != (given.strip() or None) for kept, given in pairs if given
    )


def _said(line: CandidateLine) -> int:
    """A digest of what a row says of its URL."""
    if line.keyword is None and line.title is None and line.columns is None:
        return 0
    return zlib.crc32(to_json([line.keyword, line.title, line.columns]))


def _gzipped(head: Record) -> bytes:
    member = _gzip_member()
    return member.compress(_json(head)) + member.flush()


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


def _columns(columns: dict[str, Any] | None) -> dict[str, Any] | None:
    return kept(_storable(columns)) if columns else None


def _storable(value: Any) -> Any:
    """What PostgreSQL can keep as JSON of what JSON made."""
    if isinstance(value, str):
        return _UNSTORABLE.sub(_REPLACEMENT, value)
    if isinstance(value, dict):
        return {_storable(name): _storable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _pixels(side: int | None) -> int | None:
    return side if side is not None and 0 < side <= MAX_PIXELS else None
