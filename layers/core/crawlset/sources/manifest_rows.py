"""What a row of a manifest holds, whatever the format of the file."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from crawlset.settings import MAX_CANDIDATES
from crawlset.sources.manifest_columns import COLUMNS, MalformedManifestError, Places, others_of
from crawlset.sources.stated_hashes import stated_hash
from crawlset.urls.guard import MAX_URL_LENGTH
from crawlset.urls.mending import mend
from crawlset.urls.spelling import is_url

Row = tuple[str | None, ...]
"""The texts of `COLUMNS`, and the other columns as JSON; None for what is not there."""
MAX_CELL_CHARS = MAX_URL_LENGTH + 1
"""What is longer is cut: no URL and no text of that length is kept as it is."""
MAX_TITLE_CHARS = 1 << 18
_MAX_CHARS = tuple(MAX_TITLE_CHARS + 1 if name == "title" else MAX_CELL_CHARS for name in COLUMNS)
NOTHING = (None,) * len(COLUMNS)
"""The cells of a row that has a URL only."""
SKIPPED: Row = ()
"""Stands for a row of what is no picture, such as a sound: it is counted, and nothing else."""
_TITLE = list(COLUMNS).index("title")
_KEYWORD = list(COLUMNS).index("keyword")
_SHA256 = list(COLUMNS).index("sha256")
_MD5 = list(COLUMNS).index("md5")
_MISSING = frozenset({"nan", "NaN", "<NA>"})
"""How Python and pandas write what is missing, where it has become a text."""
_WHOLE = re.compile(r"(-?[0-9]+)\.0+")
_SHOWN_CHARS = 100


def checked(rows: Iterable[Row], limit: int = MAX_CANDIDATES) -> Iterator[Row]:
    """
    Pass `rows` on, or their first ten million where fewer are wanted.

    Raises `MalformedManifestError` at the end of rows without any URL, or whose hashes are none,
    and after ten million unless only the first `limit` are wanted. A row that holds no URL is no
    such error.
    """
    has_any = has_hash = states_hashes = False
    first: str | None = None
    for number, row in enumerate(rows, 1):
        if number > MAX_CANDIDATES:
            if limit < MAX_CANDIDATES:
                break
            raise MalformedManifestError(
                f"The list has more than {MAX_CANDIDATES:,} rows. Split it, or take the first"
                " ones only by max_images."
            )
        if not row:
            yield row
            continue
        first = first or row[0]
        has_any = has_any or has_url(row[0])
        if not has_hash and (row[_SHA256] or row[_MD5]):
            states_hashes = True
            has_hash = stated_hash(row[_SHA256], row[_MD5]) is not None
        yield row
    if states_hashes and not has_hash:
        raise MalformedManifestError(
            "No cell of the column of hashes is a hash in hexadecimal or base64."
        )
    if not has_any:
        beginning = f"; it begins with {first[:_SHOWN_CHARS]!r}" if first else ""
        raise MalformedManifestError(f"There is no URL in the list{beginning}.")


def has_url(text: str | None) -> bool:
    """Whether `text`, mended, could be fetched."""
    return text is not None and len(text) <= MAX_URL_LENGTH and is_url(mend(text))


def row_of(cells: Sequence[object], at: Places) -> Row:
    """
    The texts of a row, of which the first cell that says something counts.

    A list or an object where there should be a text is kept with the other columns.

    A class that is a whole float is its integer: pandas makes floats of integers as soon as one of
    them is missing (https://pandas.pydata.org/docs/user_guide/integer_na.html).
    """
    n_cells = len(cells)
    row: list[str | None] = [None] * len(COLUMNS)
    others = [(name, cells[place]) for place, name in at.others if place < n_cells]
    for column, place in at.said:
        if row[column] is None and place < n_cells and (cell := cells[place]) is not None:
            row[column] = text_of(cell, _MAX_CHARS[column])
            if row[column] is None and isinstance(cell, list | dict) and place in at.meant:
                others.append((at.meant[place], cell))
    keyword = row[_KEYWORD]
    if keyword and keyword[-1] == "0" and (whole := _WHOLE.fullmatch(keyword)):
        row[_KEYWORD] = whole[1]
    return (*row, others_of(others) if others else None)


def rows_of(cells: Sequence[object], at: Places) -> Iterator[Row]:
    """A row for each caption, where the cell of captions is a list of them."""
    place = next(iter(at.columns[_TITLE]), None)
    captions = cells[place] if place is not None and place < len(cells) else None
    if place is None or not isinstance(captions, list) or not captions:
        yield row_of(cells, at)
        return
    for caption in captions:
        yield row_of([*cells[:place], caption, *cells[place + 1 :]], at)


def odd_row(why: str, text: str) -> Row:
    """A row that cannot be read: instead of a URL it has the reason and the text."""
    return (text_of(f"{why}: {text.strip()}"), *NOTHING)


def text_of(value: object, max_chars: int = MAX_CELL_CHARS) -> str | None:
    """
    The text that a cell means; None if it says nothing, as lists, objects and what is missing do.

    Python's JSON has NaN and Infinity (https://docs.python.org/3/library/json.html).
    """
    if value is None:
        return None
    if isinstance(value, bytes):
        value = value[: 4 * max_chars].decode(errors="surrogateescape")
    if isinstance(value, str):
        text = value.strip()[:max_chars]
        return None if text in _MISSING else text or None
    if isinstance(value, (float, Decimal)):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value == int(value) else str(value)
    return str(value)[:max_chars] if isinstance(value, int) else None
