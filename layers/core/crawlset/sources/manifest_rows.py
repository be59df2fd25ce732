"""What a row of a manifest holds, whatever the format of the file."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import chain

from crawlset.errors import UnprocessableError
from crawlset.settings import MAX_CANDIDATES
from crawlset.urls.guard import MAX_URL_LENGTH
from crawlset.urls.mending import mend
from crawlset.urls.spelling import is_url

Row = tuple[str | None, ...]
"""The texts of `COLUMNS`, in that order; None for what is not there."""
COLUMNS: dict[str, tuple[str, ...]] = {
    "url": ("url", "originalurl"),
    "keyword": ("keyword", "label"),
    "licence": ("licence", "license"),
    "creator": ("creator", "author"),
    "landing_url": ("landing_url", "originallandingurl"),
    "title": ("title", "caption", "text"),
    "width": ("width",),
    "height": ("height",),
}
"""
The names that each column goes by, in any case; the first one that is there counts.

Those of Open Images (OriginalURL, License, Author) and of LAION (URL, TEXT, WIDTH) are among them.
"""
MAX_COLUMNS = 1_000
"""Columns of a table, cells of a row and names of an object, at most."""
MAX_CELL_CHARS = MAX_URL_LENGTH + 1
"""What is longer is cut: no URL and no text of that length is kept as it is."""
MAX_TITLE_CHARS = 1 << 18
_MAX_CHARS = tuple(MAX_TITLE_CHARS + 1 if name == "title" else MAX_CELL_CHARS for name in COLUMNS)
NOTHING = (None,) * (len(COLUMNS) - 1)
"""The cells of a row that has a URL only."""
_KEYWORD = list(COLUMNS).index("keyword")
_MISSING = frozenset({"nan", "NaN", "<NA>"})
"""How Python and pandas write what is missing, where it has become a text."""
_WHOLE = re.compile(r"(-?[0-9]+)\.0+")
_SHOWN_CHARS = 100


class MalformedManifestError(UnprocessableError):
    """The manifest cannot be read to its end; says where in one sentence."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "/upload_id")


def places(header: Sequence[str]) -> tuple[int | None, ...]:
    """
    Where each of `COLUMNS` stands in `header`.

    Raises `MalformedManifestError` without a `url`, with two of a kind or with too many in all.
    """
    if len(header) > MAX_COLUMNS:
        raise MalformedManifestError(f"The manifest has more than {MAX_COLUMNS:,} columns.")
    names = [name.strip().lower() for name in header]
    for alias in chain.from_iterable(COLUMNS.values()):
        if names.count(alias) > 1:
            raise MalformedManifestError(f"The manifest has more than one column {alias}.")
    found = tuple(
        next((names.index(alias) for alias in aliases if alias in names), None)
        for aliases in COLUMNS.values()
    )
    if found[0] is None:
        raise MalformedManifestError(
            f"The manifest has no column url; its columns are {', '.join(header)[:200]}."
        )
    return found


def checked(rows: Iterable[Row], limit: int = MAX_CANDIDATES) -> Iterator[Row]:
    """
    Pass `rows` on, or their first million where fewer are wanted.

    Raises `MalformedManifestError` at the end of rows without any URL, and after a million unless
    only the first `limit` are wanted. A row that holds no URL is no such error.
    """
    has_any = False
    first: str | None = None
    for number, row in enumerate(rows, 1):
        if number > MAX_CANDIDATES:
            if limit < MAX_CANDIDATES:
                break
            raise MalformedManifestError(
                f"The manifest has more than {MAX_CANDIDATES:,} rows. Split it, or take the first"
                " ones only by max_images."
            )
        first = first or row[0]
        has_any = has_any or has_url(row[0])
        yield row
    if not has_any:
        beginning = f"; it begins with {first[:_SHOWN_CHARS]!r}" if first else ""
        raise MalformedManifestError(f"There is no URL in the manifest{beginning}.")


def has_url(text: str | None) -> bool:
    """Whether `text`, mended, could be fetched."""
    return text is not None and len(text) <= MAX_URL_LENGTH and is_url(mend(text))


def row_of(values: Iterable[object]) -> Row:
    """
    The texts of a row, given what each of `COLUMNS` has in it.

    A class that is a whole float is its integer: pandas makes floats of integers as soon as one of
    them is missing (https://pandas.pydata.org/docs/user_guide/integer_na.html).
    """
    row = list(map(text_of, values, _MAX_CHARS))
    keyword = row[_KEYWORD]
    if keyword and keyword[-1] == "0" and (whole := _WHOLE.fullmatch(keyword)):
        row[_KEYWORD] = whole[1]
    return tuple(row)


def odd_row(why: str, text: str) -> Row:
    """A row that cannot be read: instead of a URL it has the reason and the text."""
    return row_of((f"{why}: {text.strip()}", *NOTHING))


def text_of(value: object, max_chars: int = MAX_CELL_CHARS) -> str | None:
    """
    The text that a cell means; None if it says nothing, as lists, objects and what is missing do.

    Python's JSON has NaN and Infinity (https://docs.python.org/3/library/json.html).
    """
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()[:max_chars]
        return None if text in _MISSING else text or None
    if isinstance(value, (float, Decimal)):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value == int(value) else str(value)
    return str(value)[:max_chars] if isinstance(value, int) else None
