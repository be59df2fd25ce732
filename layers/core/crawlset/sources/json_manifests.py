"""Manifests in JSON: a row a line, an array of rows, columns, or images and their annotations."""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from crawlset.sources import annotations
from crawlset.sources.json_text import MAX_VALUE_CHARS, JsonText
from crawlset.sources.manifest_columns import (
    MAX_COLUMNS,
    Places,
    places,
    table_places,
    wanted_names,
)
from crawlset.sources.manifest_rows import (
    MAX_CELL_CHARS,
    NOTHING,
    Row,
    has_url,
    odd_row,
    row_of,
    rows_of,
    text_of,
)
from crawlset.wire.searches import ListReading

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
    return not has_list or any(row[0] is not None for row in json_rows(found, "line 1", reading))


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


def line_rows(lines: Iterator[str], reading: ListReading) -> Iterator[Row]:
    """A row for every line that is not blank: an object, a string or a bare URL."""
    for number, line in enumerate(lines, 1):
        text = line.rstrip()
        if not text:
            continue
        where = f"line {number}"
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
        yield from json_rows(found, where, reading)


def document_rows(pieces: Iterator[str], reading: ListReading) -> Iterator[Row]:
    """
    The rows of a text that is one value of JSON.

    An array has them one after the other. An object has them in columns, as arrays or as pandas
    writes them; as an array below one of its names; or as images and their annotations, which name
    the images by number, as COCO has them. Raises `MalformedManifestError` for broken JSON.
    """
    text = JsonText(pieces)
    if text.sign() == "[":
        yield from _array_rows(text, reading)
    else:
        yield from _object_rows(text, reading)
    if text.sign():
        raise text.broken("more behind its end")


def json_rows(found: Any, where: str, reading: ListReading) -> Iterator[Row]:
    """The rows that an object or a string is; `where` says where it stands."""
    if isinstance(found, str):
        yield (text_of(found), *NOTHING)
    elif not isinstance(found, dict):
        yield odd_row(
            f"{where} is neither an object nor a string", json.dumps(found)[:MAX_CELL_CHARS]
        )
    elif len(found) > MAX_COLUMNS:
        yield odd_row(
            f"{where} has more than {MAX_COLUMNS:,} names", json.dumps(found)[:MAX_CELL_CHARS]
        )
    else:
        found = _with_nested(found, reading)
        yield from rows_of(list(found.values()), _places(tuple(found), reading))


@lru_cache(maxsize=64)
def _places(names: tuple[str, ...], reading: ListReading) -> Places:
    """Objects of a list are much alike."""
    return places(names, reading)


def _with_nested(found: dict[str, Any], reading: ListReading) -> dict[str, Any]:
    """`found` with what `image.url` means as if it were a name of its own."""
    nested = {}
    for name in wanted_names(reading):
        if "." not in name or name in found:
            continue
        value: Any = found
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            nested[name] = value
    return {**found, **nested} if nested else found


def _array_rows(text: JsonText, reading: ListReading) -> Iterator[Row]:
    for number, found in enumerate(text.elements(), 1):
        yield from json_rows(found, f"element {number}", reading)


def _object_rows(text: JsonText, reading: ListReading) -> Iterator[Row]:
    columns: dict[str, list[Any]] = {}
    tables = annotations.Tables()
    has_rows = False
    for name in text.members():
        sign = text.sign()
        if sign == "[":
            elements = text.elements()
            first = next(elements, None)
            if not isinstance(first, dict):
                columns[name] = [text_of(first), *map(text_of, elements)] if first else []
            elif name not in annotations.TABLES and _places(tuple(first), reading).columns[0]:
                has_rows = True
                yield from json_rows(first, f"{name} 1", reading)
                for number, found in enumerate(elements, 2):
                    yield from json_rows(found, f"{name} {number}", reading)
            else:
                tables.add(name, first, elements)
        elif sign == "{":
            columns[name] = [text_of(text.value()) for _ in text.members()]
        else:
            columns[name] = [text_of(text.value())]
    if tables:
        for number, found in enumerate(tables.joined(), 1):
            yield from json_rows(found, f"image {number}", reading)
    elif not has_rows:
        yield from _column_rows(columns, reading)


def _column_rows(columns: dict[str, list[Any]], reading: ListReading) -> Iterator[Row]:
    """The rows of columns that are as long as that of the URLs; others are no columns."""
    names = tuple(columns)
    found = table_places(names, reading)
    n_rows = len(columns[names[found.columns[0][0]]])
    named = tuple(name for name in names if len(columns[name]) == n_rows)
    at = table_places(named, reading)
    for cells in zip(*(columns[name] for name in named), strict=True):
        yield row_of(cells, at)
