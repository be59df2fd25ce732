"""What a row of a manifest holds, whatever the format of the file."""

from collections.abc import Sequence
from itertools import chain

from crawlset.errors import UnprocessableError

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


class MalformedManifestError(UnprocessableError):
    """The manifest cannot be read to its end; says where in one sentence."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "/upload_id")


def places(header: Sequence[str]) -> tuple[int | None, ...]:
    """Where each of `COLUMNS` stands in `header`. Raises without a `url`, or with two of a kind."""
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


def text_of(value: object) -> str | None:
    """A label may be a number; anything but text and numbers is nothing."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None
