"""Which column of a list says what, and what becomes of the others."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from crawlset.errors import UnprocessableError
from crawlset.wire.searches import ListReading

COLUMNS: dict[str, tuple[str, ...]] = {
    "url": (
        "image_url", "imageurl", "photo_image_url", "url", "originalurl", "original_url", "img_url",
        "image_urls", "urls", "image_link", "photo_url", "picture_url", "coco_url", "flickr_url",
        "media_url", "download_url", "link", "identifier", "image", "uri", "src",
    ),
    "keyword": ("keyword", "label", "class", "class_name", "category", "landmark_id"),
    "licence": ("licence", "license"),
    "creator": ("creator", "author"),
    "landing_url": ("landing_url", "originallandingurl", "page_url", "references"),
    "title": (
        "title", "caption", "text", "captions", "caption_reference_description", "description",
    ),
    "width": ("width", "original_width"),
    "height": ("height", "original_height"),
    "sha256": (),
    "md5": (),
    "attribution": ("attribution",),
}  # fmt: skip
"""
The names that each column goes by, in any case; the first one that says something counts.

Those of Open Images (OriginalURL, License, Author), LAION (URL, TEXT, WIDTH), SBU (image_urls,
captions), WIT (image_url, page_url), COCO (coco_url), GBIF's multimedia (identifier, references)
and Google Landmarks (landmark_id) are among them.
"""
NAMED_BY = {
    "url": "url_column",
    "keyword": "label_column",
    "licence": "licence_column",
    "creator": "creator_column",
    "title": "caption_column",
    "sha256": "sha256_column",
    "md5": "md5_column",
}
"""The fields of `ListReading` that name a column."""
_KEPT_TOO = frozenset({"width", "height", "sha256", "md5"})
"""What these say is measured anew: what the list said stays among the other columns."""
MAX_COLUMNS = 1_000
"""Columns of a table, cells of a row and names of an object, at most."""
MAX_NAME_CHARS = 200
MAX_VALUE_CHARS = 4_096
"""The most of one value among the other columns: its text, or its JSON if it is none."""
MAX_OTHERS_CHARS = 16_384
"""The most of the names and values of a row's other columns in all."""
MAX_LEVELS = 32
"""
Lists and objects inside each other in one value; what has more is kept as the text of its JSON.

PostgreSQL, pydantic and Python each stop at another depth, of which 255 is the least.
"""


_encoded = json.JSONEncoder(separators=(",", ":"), default=str).encode


class MalformedManifestError(UnprocessableError):
    """The list cannot be read to its end; says where in one sentence."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "/upload_id")


@dataclass(frozen=True, slots=True)
class Places:
    """Where in a row the columns of a list stand."""

    columns: tuple[tuple[int, ...], ...]
    """The places that may say each of `COLUMNS`; the first that does counts."""
    said: tuple[tuple[int, int], ...]
    """The same as pairs: the number of a column, and a place."""
    others: tuple[tuple[int, str], ...]
    """Places and names of the other columns that are kept."""
    meant: Mapping[int, str]
    """Names by place of the columns that are used; cells that are no texts are kept too."""


def places(names: Sequence[str], reading: ListReading) -> Places:
    """
    Find each of `COLUMNS` in `names`; of a name that comes twice the first one counts.

    Raises `MalformedManifestError` where there are too many.
    """
    if len(names) > MAX_COLUMNS:
        raise MalformedManifestError(f"The list has more than {MAX_COLUMNS:,} columns.")
    names = list(_unlike(names))
    lowered = [name.lower() for name in names]
    columns = tuple(tuple(_places_of(column, names, lowered, reading)) for column in COLUMNS)
    meant = {
        found[0]
        for column, found in zip(COLUMNS, columns, strict=True)
        if found and column not in _KEPT_TOO
    }
    keep = reading.keep_columns
    kept = range(len(names)) if keep is None else _found(keep, lowered).values()
    return Places(
        columns,
        said=tuple((column, place) for column, found in enumerate(columns) for place in found),
        others=tuple((place, names[place]) for place in sorted({*kept} - meant)),
        meant={place: names[place] for place in meant.intersection(kept)},
    )


def table_places(names: Sequence[str], reading: ListReading) -> Places:
    """
    Find the columns of a table, which must have those that are named, and a URL.

    Raises `MalformedManifestError`.
    """
    found = places(names, reading)
    refuse_missing(missing(names, reading), names)
    if not found.columns[0]:
        refuse_missing(["url"], names)
    return found


def missing(names: Sequence[str], reading: ListReading) -> list[str]:
    """The names in `reading` that are not among `names`."""
    lowered = [name.lower() for name in _unlike(names)]
    wanted = list(wanted_names(reading))
    found = _found(wanted, lowered)
    return [name for name in wanted if name not in found]


def refuse_missing(wanted: Sequence[str], names: Sequence[str]) -> None:
    """Raise `MalformedManifestError` if there are any `wanted` names, which are not in `names`."""
    if wanted:
        told = f"; its columns are {', '.join(names)[:MAX_NAME_CHARS]}" if names else ""
        hint = " Name it by url_column." if wanted == ["url"] else ""
        raise MalformedManifestError(f"The list has no column {wanted[0]}{told}.{hint}")


def wanted_name(column: str, reading: ListReading) -> str | None:
    """The name that `reading` gives to one of `COLUMNS`."""
    name: str | None = getattr(reading, NAMED_BY[column]) if column in NAMED_BY else None
    return name


def wanted_names(reading: ListReading) -> Iterator[str]:
    """Every name in `reading`."""
    yield from filter(None, (wanted_name(column, reading) for column in COLUMNS))
    yield from reading.keep_columns or ()


def others_of(named: Iterable[tuple[str, Any]]) -> str | None:
    """
    The JSON object of a row's other columns; None if they say nothing.

    What is longer than may be kept is cut a little behind that, for `kept` to notice.
    """
    others: dict[str, Any] = {}
    n_chars = 0
    for name, value in named:
        told = _told(value)
        if told is None:
            continue
        others[name] = told
        n_chars += len(name) + _length(told)
        if n_chars > MAX_OTHERS_CHARS:
            break
    return _encoded(others) if others else None


def kept(others: Mapping[str, Any]) -> dict[str, Any]:
    """What of a row's other columns is kept: as many as there is room for, long texts cut."""
    kept: dict[str, Any] = {}
    n_chars = 0
    for name, value in others.items():
        n_chars += len(name) + min(_length(value), MAX_VALUE_CHARS)
        if n_chars > MAX_OTHERS_CHARS:
            break
        kept[name] = value[:MAX_VALUE_CHARS] if isinstance(value, str) else value
    return kept


def _places_of(
    column: str, names: Sequence[str], lowered: Sequence[str], reading: ListReading
) -> Iterator[int]:
    wanted = wanted_name(column, reading)
    for name in COLUMNS[column] if wanted is None else (wanted.strip(),):
        if name in names:
            yield names.index(name)
        elif name.lower() in lowered:
            yield lowered.index(name.lower())


def _found(wanted: Iterable[str], lowered: Sequence[str]) -> dict[str, int]:
    """Where those of the `wanted` names stand that are there, in any case."""
    there = {name: place for place, name in reversed([*enumerate(lowered)])}
    return {name: there[key] for name in wanted if (key := name.strip().lower()) in there}


def _unlike(names: Sequence[str]) -> Iterator[str]:
    """Make names differ: one that is missing becomes `column_7`, one that is repeated `label.7`."""
    seen: set[str] = set()
    for number, name in enumerate(names, 1):
        stripped = name.strip()[:MAX_NAME_CHARS] or f"column_{number}"
        told = stripped if stripped not in seen else f"{stripped}.{number}"
        seen.add(told)
        yield told


def _told(value: Any) -> Any:
    """What JSON can say of a cell; None if it says nothing."""
    if isinstance(value, str):
        return value.strip()[: MAX_VALUE_CHARS + 1] or None
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Decimal):
        value = _number(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")[: MAX_VALUE_CHARS + 1] or None
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    text = _encoded(value)
    is_short = len(text) <= MAX_VALUE_CHARS and is_within(value, MAX_LEVELS)
    return value_of(text) if is_short else text[: MAX_VALUE_CHARS + 1]


def _number(value: Decimal) -> float | int | str:
    """The number that says the same; the text of one that no float tells."""
    if value.is_finite() and value == value.to_integral_value():
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value or value.is_nan() else str(value)


def is_within(value: Any, n_levels: int) -> bool:
    """Whether no more than `n_levels` lists and objects are inside each other."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return True
    return n_levels > 0 and all(is_within(each, n_levels - 1) for each in value)


def value_of(text: str) -> Any:
    """What JSON says, numbers that JSON does not have being nothing."""
    return json.loads(text, parse_constant=lambda _: None)


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    return len(str(value) if isinstance(value, int | float) else _encoded(value))
