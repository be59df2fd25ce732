"""What a row of a manifest holds, whatever the format of the file."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from crawlset.errors import UnprocessableError
from crawlset.settings import MAX_CANDIDATES
from crawlset.urls.guard import MAX_URL_LENGTH
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


class MalformedManifestError(UnprocessableError):
    """The manifest cannot be read to its end; says where in one sentence."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "/upload_id")


def places(header: Sequence[str]) -> tuple[int | None, ...]:
    """
    Where each of `COLUMNS` stands in `header`.

    Raises `MalformedManifestError` without a `url`, with two of a kind or with too many in all.
    """
    check_width(len(header), "The manifest")
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


def check_width(n_columns: int, where: str) -> None:
    if n_columns > MAX_COLUMNS:
        raise MalformedManifestError(f"{where} has more than {MAX_COLUMNS:,} columns.")


def checked(rows: Iterable[Row], limit: int = MAX_CANDIDATES) -> Iterator[Row]:
    """
    Pass `rows` on, or their first million where fewer are wanted.

    Raises `MalformedManifestError` at the end of rows without any URL, and after a million unless
    only the first `limit` are wanted. A row that holds no URL is no such error.
    """
    has_url = False
    for number, row in enumerate(rows, 1):
        if number > MAX_CANDIDATES:
            if limit < MAX_CANDIDATES:
                break
            raise MalformedManifestError(
                f"The manifest has more than {MAX_CANDIDATES:,} rows. Split it, or take the first"
                " ones only by max_images."
            )
        has_url = has_url or (row[0] is not None and is_url(row[0]))
        yield row
    if not has_url:
        raise MalformedManifestError("There is no URL in the manifest.")


def text_of(value: object) -> str | None:
    """A label may be a number; anything but text and numbers is nothing."""
    if isinstance(value, str):
        return value[:MAX_CELL_CHARS].strip() or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None
