"""Manifests in JSON: a row a line, an array of rows, columns, or images and their annotations."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from crawlset.sources import annotations
from crawlset.sources.json_text import MAX_VALUE_CHARS, JsonText
from crawlset.sources.manifest_columns import (
    MAX_COLUMNS,
    Places,
    missing,
    places,
    refuse_missing,
    table_places,
    wanted_names,
)
from crawlset.sources.manifest_rows import (
    MAX_CELL_CHARS,
    MAX_TITLE_CHARS,
    NOTHING,
    Row,
    has_url,
    odd_row,
    rows_of,
    text_of,
)
from crawlset.sources.text_lines import Lines
from crawlset.wire.searches import ListReading

FIRST_ELEMENTS = 20
"""Elements of an array by which it is told, so that an odd one costs itself only."""
MAX_KNOWN = 64
"""Sets of names whose places are kept: objects of a list are much alike."""
CUT_STRING_CHARS = 1 << 20
"""A string that begins so near the end of a line too long to be read whole may go on."""


def is_document(lines: Sequence[str], reading: ListReading) -> bool:
    """
    Whether a text is one value of JSON, and no lines of it, by its first two lines.

    A value that goes on in the next line ends in its own between two signs of JSON. A line that
    somebody cut ends elsewhere, or is followed by what cannot follow it.
    """
    first = lines[0].strip("\ufeff \t\r\n") if lines else ""
    if not first.startswith(("[", "{")):
        return False
    if len(first) > MAX_VALUE_CHARS:
        return _goes_on(first)
    try:
        found = json.loads(first)
    except json.JSONDecodeError:
        return _goes_on(first) and _goes_on(first + "".join(lines[1:2]).strip())
    except (ValueError, RecursionError):
        return False
    return len(lines) == 1 and not _is_row(found, reading)


def _is_row(found: Any, reading: ListReading) -> bool:
    """Whether a line says a URL, or nothing of which rows could be made."""
    if isinstance(found, list):
        return not any(isinstance(each, dict | str) for each in found)
    has_list = any(isinstance(each, list | dict) and each for each in found.values())
    said = _Objects(reading).rows(found, "line 1")
    return not has_list or any(row[0] is not None for row in said)


def _goes_on(text: str) -> bool:
    """Whether JSON could go on behind `text`; where that was cut by us, also inside a string."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        is_cut = len(text) > MAX_VALUE_CHARS
        return error.pos >= len(text) - (CUT_STRING_CHARS if is_cut else 0)
    except (ValueError, RecursionError):
        return False
    return True


def line_rows(lines: Lines, reading: ListReading) -> Iterator[Row]:
    """
    Rows for every line that is not blank: an object, a string or a bare URL.

    Raises `MalformedManifestError` at the end of lines none of which has a column that is named.
    """
    objects = _Objects(reading)
    is_rest = lines.go_on()
    for line in lines:
        text = line.rstrip()
        if not text:
            continue
        where = f"line {lines.number}"
        try:
            found = json.loads(text)
        except json.JSONDecodeError as error:
            yield (
                (text, *NOTHING)
                if has_url(text)
                else odd_row(f"{where}, column {error.colno} is not JSON ({error.msg})", text)
            )
            continue
        except (ValueError, RecursionError):
            yield odd_row(f"{where} is not JSON that can be read", text)
            continue
        for row in objects.rows(found, where):
            lines.n_rows_of_line += 1
            yield row
    if not is_rest:
        objects.check()


def document_rows(pieces: Iterator[str], reading: ListReading) -> Iterator[Row]:
    """
    The rows of a text that is one value of JSON.

    An array has them one after the other. An object has them in columns, as arrays or as pandas
    writes them; as an array below one of its names; or as images and their annotations, which name
    the images by number, as COCO has them. Raises `MalformedManifestError` for broken JSON, and at
    the end of rows none of which has a column that is named.
    """
    text = JsonText(pieces)
    objects = _Objects(reading)
    if text.sign() == "[":
        yield from objects.all_rows(text.elements(), "element")
        objects.check()
    else:
        yield from _object_rows(text, objects)
    if text.sign():
        raise text.broken("more behind its end")


class _Objects:
    """The objects and strings of one list, and which of the wanted names they have."""

    def __init__(self, reading: ListReading) -> None:
        self.reading = reading
        self._known: dict[tuple[str, ...], Places] = {}
        self._first: tuple[str, ...] = ()
        self._missing = list(wanted_names(reading))
        self._nested = [name for name in self._missing if "." in name]
        self._has_url = False

    def all_rows(self, elements: Iterable[Any], what: str) -> Iterator[Row]:
        for number, found in enumerate(elements, 1):
            yield from self.rows(found, f"{what} {number}")

    def rows(self, found: Any, where: str) -> Iterator[Row]:
        """The rows that an object or a string is; `where` says where it stands."""
        if isinstance(found, str):
            self._has_url = True
            yield (text_of(found), *NOTHING)
        elif not isinstance(found, dict):
            told = json.dumps(found)[:MAX_CELL_CHARS]
            yield odd_row(f"{where} is neither an object nor a string", told)
        elif len(found) > MAX_COLUMNS:
            told = json.dumps(found)[:MAX_CELL_CHARS]
            yield odd_row(f"{where} has more than {MAX_COLUMNS:,} names", told)
        else:
            found = self._with_nested(found)
            yield from rows_of(list(found.values()), self._places(tuple(found)))

    def names_url(self, found: dict[str, Any]) -> bool:
        """Whether one of the names of an object is that of a URL."""
        return bool(places(tuple(self._with_nested(found)), self.reading).columns[0])

    def check(self) -> None:
        """Raise `MalformedManifestError` if a column that was wanted was in none of the objects."""
        refuse_missing(self._missing, self._first)
        if self._first and not self._has_url:
            refuse_missing(["url"], self._first)

    def _places(self, names: tuple[str, ...]) -> Places:
        found = self._known.get(names)
        if found is None:
            found = places(names, self.reading)
            self._first = self._first or names
            self._has_url = self._has_url or bool(found.columns[0])
            there = missing(names, self.reading)
            self._missing = [name for name in self._missing if name in there]
            if len(self._known) == MAX_KNOWN:
                self._known.clear()
            self._known[names] = found
        return found

    def _with_nested(self, found: dict[str, Any]) -> dict[str, Any]:
        """`found` with what `image.url` means as if it were a name of its own."""
        nested = {}
        for name in self._nested:
            if name in found:
                continue
            value: Any = found
            for part in name.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None:
                nested[name] = value
        return {**found, **nested} if nested else found


def _object_rows(text: JsonText, objects: _Objects) -> Iterator[Row]:
    columns: dict[str, list[Any]] = {}
    tables = annotations.Tables()
    has_rows = False
    for name in text.members():
        sign = text.sign()
        if sign == "[":
            elements = text.elements()
            first = list(islice(elements, FIRST_ELEMENTS))
            elements = chain(first, elements)
            rows = [each for each in first if isinstance(each, dict)]
            has_urls = any(map(objects.names_url, rows))
            if has_urls and name not in annotations.TABLES:
                has_rows = True
                yield from objects.all_rows(elements, name)
            elif rows and name in annotations.NAMES:
                tables.add(name, elements)
            else:
                columns[name] = [*map(_cell, elements)]
        elif sign == "{":
            columns[name] = [_cell(text.value()) for _ in text.members()]
        else:
            columns[name] = [_cell(text.value())]
    if not tables and not has_rows:
        yield from _column_rows(columns, objects.reading)
        return
    if tables:
        yield from objects.all_rows(tables.joined(), "image")
    objects.check()


def _cell(value: Any) -> Any:
    """What is kept of a cell until all columns have been read."""
    if isinstance(value, str):
        return value[: MAX_TITLE_CHARS + 1]
    is_long = isinstance(value, list | dict) and len(told := json.dumps(value)) > MAX_TITLE_CHARS
    return told[: MAX_TITLE_CHARS + 1] if is_long else value


def _column_rows(columns: dict[str, list[Any]], reading: ListReading) -> Iterator[Row]:
    """The rows of columns that are as long as that of the URLs; others are no columns."""
    names = tuple(columns)
    found = table_places(names, reading)
    n_rows = len(columns[names[found.columns[0][0]]])
    named = tuple(name for name in names if len(columns[name]) == n_rows)
    at = table_places(named, reading)
    for cells in zip(*(columns[name] for name in named), strict=True):
        yield from rows_of(cells, at)
