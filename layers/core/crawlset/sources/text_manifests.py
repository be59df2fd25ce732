"""Manifests of lines: plain text, CSV and JSON lines, in UTF-8 or UTF-16."""

import codecs
import csv
import gzip
import io
import json
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Any, BinaryIO, TextIO, cast

from crawlset.settings import MAX_CANDIDATES, MAX_MANIFEST_BYTES
from crawlset.sources.manifest_rows import (
    COLUMNS,
    MAX_COLUMNS,
    NOTHING,
    MalformedManifestError,
    Row,
    has_url,
    odd_row,
    places,
    row_of,
    text_of,
)
from crawlset.wire.searches import ManifestFormat

MAX_LINES = 2 * MAX_CANDIDATES
"""Lines read, blank ones and comments included."""
MAX_ROW_CHARS = 8 << 20
"""
Characters of a line, and of the lines that one row of CSV goes over, at most.

A picture of several megabytes, as a `data:` URL, is a line among others.
"""
MAX_CHARS_AGAIN = 32 << 20
"""Characters that are read again, at most, because they stood behind a row that is no CSV."""
GZIP_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error)
DELIMITERS = ",;\t"
"""Excel writes semicolons where numbers have decimal commas, and tabs into Unicode text."""
_BYTE_ORDER_MARK = "\ufeff"
_LINE_ENDS = ("\n", "\r")

csv.field_size_limit(MAX_ROW_CHARS)


def rows(stream: BinaryIO, manifest_format: ManifestFormat) -> Iterator[Row]:
    """
    Every row that is not blank. What cannot be read as one is an odd row, which says why.

    Raises `MalformedManifestError` for gzip that is broken, for CSV without the columns it needs,
    and once lines or their sum are more than those of a manifest may be: a gzipped stream never
    fills the memory.
    """
    return _FORMATS[manifest_format](lines(stream))


def lines(stream: BinaryIO) -> Iterator[str]:
    """
    Every line with its end, which is LF, CRLF or CR; a line that is too long is cut.

    Bytes that are no text are kept as halves of surrogate pairs.
    """
    text = _opened(stream)
    number = n_chars = 0
    is_rest = False
    while line := _next_line(text, number + 1):
        n_chars += len(line)
        if n_chars > MAX_MANIFEST_BYTES:
            raise MalformedManifestError(
                f"The manifest unpacks to more than {MAX_MANIFEST_BYTES:,} characters."
            )
        if not is_rest:
            number += 1
            if number > MAX_LINES:
                raise MalformedManifestError(f"The manifest has more than {MAX_LINES:,} lines.")
            yield line.lstrip(_BYTE_ORDER_MARK)
        is_rest = len(line) > MAX_ROW_CHARS and not line.endswith(_LINE_ENDS)


def _opened(stream: BinaryIO) -> TextIO:
    """
    Decode by the mark at the beginning, if there is one.

    Windows PowerShell's `>` writes UTF-16 with a mark
    (https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_character_encoding).
    """
    buffered = io.BufferedReader(cast(io.RawIOBase, stream))
    try:
        mark = buffered.peek()[: len(codecs.BOM_UTF16)]
    except GZIP_ERRORS as error:
        raise MalformedManifestError("The gzip data is broken at line 1.") from error
    if mark in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        return io.TextIOWrapper(buffered, "utf-16", errors="replace", newline="")
    return io.TextIOWrapper(buffered, "utf-8", errors="surrogateescape", newline="")


def _next_line(text: TextIO, number: int) -> str:
    try:
        return text.readline(MAX_ROW_CHARS + 1)
    except GZIP_ERRORS as error:
        raise MalformedManifestError(f"The gzip data is broken at line {number}.") from error


def _txt_rows(lines: Iterator[str]) -> Iterator[Row]:
    for line in lines:
        url = line.strip()
        if url and not url.startswith("#"):
            yield (text_of(url), *NOTHING)


def _csv_rows(lines: Iterator[str]) -> Iterator[Row]:
    header = next(lines, "")
    if has_url(header.strip()) and not any(sign in header for sign in DELIMITERS):
        yield from _txt_rows(chain([header], lines))
        return
    row_lines = _RowLines(chain([header], lines))
    reader = csv.reader(row_lines, strict=True, delimiter=delimiter_of(header) or ",")
    columns = places(_column_names(reader))
    while True:
        row_lines.begin()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield row_lines.give_up(str(error))
            continue
        if cells is None:
            return
        n_cells = len(cells)
        if n_cells > MAX_COLUMNS:
            yield odd_row(f"line {row_lines.number} has more than {MAX_COLUMNS:,} cells", cells[0])
        elif cells:
            yield row_of(
                [
                    cells[place] if place is not None and place < n_cells else None
                    for place in columns
                ]
            )


def delimiter_of(header: str) -> str | None:
    """The sign between the names of columns, a `url` among them; None if there is none."""
    for delimiter in DELIMITERS:
        names = {name.strip(' "\r\n').lower() for name in header.split(delimiter)}
        if not names.isdisjoint(COLUMNS["url"]):
            return delimiter
    return None


def _column_names(reader: Iterator[list[str]]) -> list[str]:
    try:
        return next(reader, [])
    except csv.Error as error:
        raise MalformedManifestError(f"Line 1 is not CSV: {error}.") from error


class _RowLines:
    """Lines for a reader of CSV, whose quoted cells may go over any number of them."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.number = 0
        """Counts the lines that were read."""
        self._lines = lines
        self._row: list[str] = []
        self._n_chars = 0
        self._again: deque[str] = deque()
        self._n_chars_again = 0

    def begin(self) -> None:
        """Say that the next line begins a row."""
        self._row.clear()
        self._n_chars = 0

    def give_up(self, why: str) -> Row:
        """
        Make an odd row of the first line of this row; the lines behind it are read again.

        A quote that somebody forgot costs its own line only.
        """
        first, *others = self._row
        self.number -= len(others)
        self._n_chars_again += self._n_chars - len(first)
        if self._n_chars_again > MAX_CHARS_AGAIN:
            raise MalformedManifestError(f"Line {self.number} is not CSV, as too many are: {why}.")
        self._again.extendleft(reversed(others))
        return odd_row(f"line {self.number} is not CSV ({why})", first)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.number += 1
        self._row.append(line)
        self._n_chars += len(line)
        if self._n_chars > MAX_ROW_CHARS:
            raise csv.Error(f"a row of more than {MAX_ROW_CHARS:,} characters")
        return line


def _jsonl_rows(lines: Iterator[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        text = line.rstrip()
        if not text:
            continue
        try:
            found = json.loads(text)
        except json.JSONDecodeError as error:
            yield (
                (text, *NOTHING)
                if has_url(text)
                else odd_row(f"line {number}, column {error.colno} is not JSON ({error.msg})", text)
            )
            continue
        except (ValueError, RecursionError):
            yield odd_row(f"line {number} is not JSON that can be read", text)
            continue
        yield _json_row(found, number, text)


def _json_row(found: Any, number: int, text: str) -> Row:
    if isinstance(found, str):
        return (text_of(found), *NOTHING)
    if not isinstance(found, dict):
        return odd_row(f"line {number} is neither an object nor a string", text)
    if len(found) > MAX_COLUMNS:
        return odd_row(f"line {number} has more than {MAX_COLUMNS:,} names", text)
    return row_of([_first_said(found, names) for names in _names_in(tuple(found))])


def _first_said(found: dict[str, Any], names: tuple[str, ...]) -> Any:
    for name in names[:-1]:
        if text_of(found[name]):
            return found[name]
    return found[names[-1]] if names else None


@lru_cache(maxsize=16)
def _names_in(names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Which of an object's names each of `COLUMNS` goes by. Objects of a list are much alike."""
    by_alias = {name.strip().lower(): name for name in names}
    return tuple(
        tuple(by_alias[alias] for alias in aliases if alias in by_alias)
        for aliases in COLUMNS.values()
    )


_FORMATS: dict[ManifestFormat, Callable[[Iterator[str]], Iterator[Row]]] = {
    ManifestFormat.txt: _txt_rows,
    ManifestFormat.csv: _csv_rows,
    ManifestFormat.jsonl: _jsonl_rows,
}
