"""Manifests of lines: a URL each, or cells between signs, with a header or without one."""

import csv
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice

from crawlset.sources.manifest_columns import (
    MAX_COLUMNS,
    MalformedManifestError,
    Places,
    table_places,
)
from crawlset.sources.manifest_rows import NOTHING, Row, has_url, odd_row, row_of, text_of
from crawlset.sources.row_lines import RowLines
from crawlset.sources.table_shape import Shape, header_place, shape_of
from crawlset.sources.text_lines import Lines
from crawlset.wire.searches import ListReading

HEADER_LINES = 20
SAMPLE_LINES = 100
SAMPLE_CHARS = 1 << 20
"""Characters of the lines by which the shape of a list is told."""


def rows(lines: Lines, reading: ListReading, *, is_table: bool) -> Iterator[Row]:
    """
    Every row of a text, in the shape that its first lines have.

    `is_table` says that it was called CSV: where its shape tells nothing, it is one.
    Raises `MalformedManifestError` for a table without the columns it needs.
    """
    sample = _sample(lines)
    said = list(filter(_is_said, sample[:HEADER_LINES]))
    place = header_place(said, reading)
    n_odd = sample.index(said[place]) if place else 0
    shape = shape_of(list(filter(_is_said, sample[n_odd:])), reading, is_table=is_table)
    if lines.go_on():
        n_header_lines = 0
    else:
        yield from _url_rows(islice(lines, n_odd))
        n_header_lines = shape.n_header_lines if shape is not None else 0
    if shape is None:
        table_places(("url" if reading.url_column is None else "column_1",), reading)
        yield from _url_rows(lines)
    elif shape.is_quoted:
        yield from _csv_rows(lines, shape, reading, has_header=n_header_lines > 0)
    else:
        yield from _plain_rows(islice(lines, n_header_lines, None), shape, reading)


def _sample(lines: Lines) -> list[str]:
    """The first lines behind those that are blank or begin with #, which are passed over."""
    while first := lines.peek(1, SAMPLE_CHARS):
        if _is_said(first[0]):
            break
        next(lines)
    return lines.peek(SAMPLE_LINES, SAMPLE_CHARS)


def _is_said(line: str) -> bool:
    text = line.strip()
    return bool(text) and not text.startswith("#")


def _url_rows(lines: Iterable[str]) -> Iterator[Row]:
    for line in filter(_is_said, lines):
        yield (text_of(line), *NOTHING)


def _plain_rows(lines: Iterable[str], shape: Shape, reading: ListReading) -> Iterator[Row]:
    """Rows of lines whose quotes mean themselves."""
    at, n_names = table_places(shape.names, reading), len(shape.names)
    for line in filter(_is_said, lines):
        cells = shape.split(line)
        if len(cells) > MAX_COLUMNS:
            yield odd_row(f"a line has more than {MAX_COLUMNS:,} cells", cells[0])
        elif len(cells) == 1 and has_url(cells[0]):
            yield (text_of(cells[0]), *NOTHING)
        else:
            yield row_of(cells, at if len(cells) <= n_names else _wider(shape, len(cells), reading))


def _csv_rows(
    lines: Lines, shape: Shape, reading: ListReading, *, has_header: bool
) -> Iterator[Row]:
    row_lines = RowLines(lines)
    reader = csv.reader(row_lines, strict=True, delimiter=shape.delimiter)
    if has_header:
        row_lines.begin()
        _check_header(reader)
    at, n_names = table_places(shape.names, reading), len(shape.names)
    while True:
        row_lines.begin()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            line = row_lines.give_up(str(error))
            cells = shape.split(line) if shape.delimiter == "\t" else []
            if len(cells) != len(shape.names):
                yield odd_row(f"line {row_lines.number} is not CSV ({error})", line)
                continue
        if cells is None:
            return
        if len(cells) > MAX_COLUMNS:
            yield odd_row(f"line {row_lines.number} has more than {MAX_COLUMNS:,} cells", cells[0])
        elif cells:
            yield row_of(cells, at if len(cells) <= n_names else _wider(shape, len(cells), reading))


@lru_cache(maxsize=64)
def _wider(shape: Shape, n_cells: int, reading: ListReading) -> Places:
    """The places of a row that has more cells than there are names."""
    numbers = range(len(shape.names) + 1, n_cells + 1)
    return table_places((*shape.names, *(f"column_{number}" for number in numbers)), reading)


def _check_header(reader: Iterator[list[str]]) -> None:
    try:
        next(reader, [])
    except csv.Error as error:
        raise MalformedManifestError(f"Line 1 is not CSV: {error}.") from error
