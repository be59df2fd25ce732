"""Manifests of lines: plain text, CSV and JSON lines, in UTF-8."""

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, BinaryIO

from crawlset.settings import MAX_CANDIDATES, MAX_MANIFEST_BYTES
from crawlset.sources.manifest_rows import (
    COLUMNS,
    MAX_COLUMNS,
    MalformedManifestError,
    Row,
    check_width,
    places,
    text_of,
)
from crawlset.wire.searches import ManifestFormat

MAX_LINES = 2 * MAX_CANDIDATES
"""Lines read, blank ones and comments included."""
MAX_LINE_BYTES = 1 << 20
"""Bytes of a line, and of the lines that one row of CSV goes over, at most."""
GZIP_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error)

_NOTHING = (None,) * (len(COLUMNS) - 1)


def rows(stream: BinaryIO, manifest_format: ManifestFormat) -> Iterator[Row]:
    """
    Every row that is not blank.

    Raises `MalformedManifestError` for what cannot be read, and once lines, rows or their sum are
    larger than those of a manifest may be: a gzipped stream never fills the memory.
    """
    return _FORMATS[manifest_format](_lines(stream))


def _lines(stream: BinaryIO) -> Iterator[str]:
    n_bytes = 0
    for number in range(1, MAX_LINES + 2):
        try:
            line = stream.readline(MAX_LINE_BYTES + 1)
        except GZIP_ERRORS as error:
            raise MalformedManifestError(f"The gzip data is broken at line {number}.") from error
        if not line:
            return
        n_bytes += len(line)
        if number > MAX_LINES:
            raise MalformedManifestError(f"The manifest has more than {MAX_LINES:,} lines.")
        if len(line) > MAX_LINE_BYTES:
            raise MalformedManifestError(f"Line {number} is longer than {MAX_LINE_BYTES:,} bytes.")
        if n_bytes > MAX_MANIFEST_BYTES:
            raise MalformedManifestError(
                f"The manifest unpacks to more than {MAX_MANIFEST_BYTES:,} bytes."
            )
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise MalformedManifestError(
                f"Line {number}, column {error.start + 1} is not UTF-8."
            ) from error
        yield text.removeprefix("\ufeff") if number == 1 else text


def _txt_rows(lines: Iterator[str]) -> Iterator[Row]:
    for line in lines:
        url = line.strip()
        if url and not url.startswith("#"):
            yield (text_of(url), *_NOTHING)


def _csv_rows(lines: Iterator[str]) -> Iterator[Row]:
    row_lines = _RowLines(lines)
    reader = csv.reader(row_lines, strict=True)
    columns = places(_next_cells(reader) or [])
    row_lines.begin()
    while (cells := _next_cells(reader)) is not None:
        row_lines.begin()
        n_cells = len(cells)
        if n_cells > MAX_COLUMNS:
            check_width(n_cells, f"Line {reader.line_num}")
        if cells:
            yield tuple(
                [
                    text_of(cells[place]) if place is not None and place < n_cells else None
                    for place in columns
                ]
            )


class _RowLines:
    """Lines for a reader of CSV, whose quoted cells may go over any number of them."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._n_chars = 0

    def begin(self) -> None:
        """Say that the next line begins a row."""
        self._n_chars = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._n_chars += len(line)
        if self._n_chars > MAX_LINE_BYTES:
            raise MalformedManifestError(
                f"A row goes over more than {MAX_LINE_BYTES:,} characters; is a quote not closed?"
            )
        return line


def _next_cells(reader: Any) -> list[str] | None:
    try:
        cells: list[str] | None = next(reader, None)
    except csv.Error as error:
        raise MalformedManifestError(f"Line {reader.line_num} is not CSV: {error}.") from error
    return cells


def _jsonl_rows(lines: Iterator[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        found = _parsed(line, number)
        if isinstance(found, str):
            yield (text_of(found), *_NOTHING)
        elif isinstance(found, dict):
            check_width(len(found), f"Line {number}")
            yield tuple([_first_text(found, names) for names in _names_in(tuple(found))])
        else:
            raise MalformedManifestError(f"Line {number} is neither an object nor a string.")


@lru_cache(maxsize=16)
def _names_in(names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Which of an object's names each of `COLUMNS` goes by. Objects of a list are much alike."""
    by_alias = {name.strip().lower(): name for name in names}
    return tuple(
        tuple(by_alias[alias] for alias in aliases if alias in by_alias)
        for aliases in COLUMNS.values()
    )


def _first_text(found: dict[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        if text := text_of(found[name]):
            return text
    return None


def _parsed(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise MalformedManifestError(
            f"Line {number}, column {error.colno} is not JSON: {error.msg}."
        ) from error
    except (ValueError, RecursionError) as error:
        raise MalformedManifestError(f"Line {number} is not JSON that can be read.") from error


_FORMATS: dict[ManifestFormat, Callable[[Iterator[str]], Iterator[Row]]] = {
    ManifestFormat.txt: _txt_rows,
    ManifestFormat.csv: _csv_rows,
    ManifestFormat.jsonl: _jsonl_rows,
}
