"""Manifests of lines: a URL each, or cells between signs, with a header or without one."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import islice

from crawlset.sources.known_tables import KnownRows, MakeRow, known_table
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
    is_rest = lines.go_on()
    if not is_rest:
        yield from _url_rows(islice(lines, n_odd))
    if shape is None:
        table_places(("url" if reading.url_column is None else "column_1",), reading)
        yield from _url_rows(lines)
    else:
        make = _row_maker(shape, reading)
        yield from shaped_rows(lines, replace(shape, n_header_lines=0) if is_rest else shape, make)


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


def shaped_rows(lines: Iterator[str], shape: Shape, make: MakeRow) -> Iterator[Row]:
    """
    Rows of a table whose shape is known, its header included; `make` makes one of a line's cells.
    """
    if not shape.is_quoted:
        return _plain_rows(lines, shape, make)
    if not isinstance(lines, Lines):
        lines = Lines((line, None) for line in lines)
    return _csv_rows(lines, shape, make)


def _plain_rows(lines: Iterator[str], shape: Shape, make: MakeRow) -> Iterator[Row]:
    """Rows of lines whose quotes mean themselves."""
    for line in filter(_is_said, islice(lines, shape.n_header_lines, None)):
        cells = shape.split(line)
        if len(cells) > MAX_COLUMNS:
            yield odd_row(f"a line has more than {MAX_COLUMNS:,} cells", cells[0])
        elif len(cells) == 1 and has_url(cells[0]):
            yield (text_of(cells[0]), *NOTHING)
        else:
            yield make(cells)


def _csv_rows(lines: Lines, shape: Shape, make: MakeRow) -> Iterator[Row]:
    row_lines = RowLines(lines)
    reader = csv.reader(row_lines, strict=True, delimiter=shape.delimiter)
    for _ in range(shape.n_header_lines):
        row_lines.begin()
        _check_header(reader)
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
            yield make(cells)


def _row_maker(shape: Shape, reading: ListReading) -> MakeRow:
    known = known_table(shape.names, reading)
    if known is not None:
        return KnownRows(known, len(shape.names), reading)
    at, n_names = table_places(shape.names, reading), len(shape.names)
    return lambda cells: row_of(
        cells, at if len(cells) <= n_names else _wider(shape, len(cells), reading)
    )


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
