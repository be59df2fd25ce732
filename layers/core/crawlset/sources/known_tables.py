"""Tables of pictures whose columns do not say everything by themselves: GBIF's and iNaturalist's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from crawlset.sources.manifest_columns import Places, table_places, wanted_name
from crawlset.sources.manifest_rows import SKIPPED, Row, odd_row, row_of
from crawlset.wire.searches import ListReading

MakeRow = Callable[[list[str]], Row]
NOTHING_JOINED: Mapping[str, str] = {}
MISSING = "\\N"
"""What PostgreSQL and MySQL write for a value that is not there."""

PHOTO_COLUMNS = (
    "photo_uuid", "photo_id", "observation_uuid", "observer_id", "extension", "license", "width",
    "height", "position",
)  # fmt: skip
"""
The columns of iNaturalist's photos.csv, which has no URLs.

Source: https://github.com/inaturalist/inaturalist-open-data/blob/main/Metadata/structure.sql
"""
PHOTO_SIZES = ("original", "large", "medium", "small", "thumb", "square")
PHOTOS = "https://inaturalist-open-data.s3.amazonaws.com/photos"
INATURALIST = "https://www.inaturalist.org"
GBIF = "https://www.gbif.org"
PHOTO_LICENCES = {
    f"CC-{elements}": f"https://creativecommons.org/licenses/{elements.lower()}/4.0/"
    for elements in ("BY", "BY-NC", "BY-SA", "BY-ND", "BY-NC-SA", "BY-NC-ND")
}
"""
Licences by iNaturalist's code; every Creative Commons licence there is of version 4.0.

Source: https://github.com/inaturalist/inaturalist/blob/main/app/models/shared/license_module.rb
"""

_WRITTEN_TO = {
    "media_url": "identifier",
    "licence": "license",
    "author": "creator",
    "landing_url": "references",
}
"""Columns that a table of media always has in the end, and those of its own that take their place."""
_URL = ("accessuri", "identifier")
_LICENCE = ("license", "webstatement", "rights", "usageterms")
_CREATOR = ("creator", "rightsholder", "owner")
_LANDING_PAGE = ("references", "furtherinformationurl")
_NAME = ("species", "scientificname")
_PICTURES = frozenset({"", "stillimage", "image", "still image"})
_OTHER_MEDIA = ("audio/", "video/")


class KnownTable(Protocol):
    """A table that is known by its header."""

    names: tuple[str, ...]
    """Its columns, and those that are made of them."""

    def cells(self, cells: list[str], joined: Mapping[str, str]) -> list[str] | None:
        """The cells of `names`; None for a row of something that is no picture."""
        ...


class MediaTable:
    """
    Media of a Darwin Core Archive, as GBIF's multimedia.txt and publishers' own tables have them.

    A picture's address is `accessURI` or else `identifier`, its page `references` or else that of
    its occurrence at GBIF, its creator `creator` or else `rightsHolder`. `joined` are columns that
    another table has of the same occurrence. Its class is the species, or else the scientific name.

    Sources: http://rs.gbif.org/extension/gbif/1.0/multimedia.xml and
    https://ac.tdwg.org/termlist/ for the terms.
    """

    def __init__(self, names: Sequence[str], joined: Sequence[str] = ()) -> None:
        self._lowered = [name.strip().lower() for name in names]
        self._joined = tuple(joined)
        self._id = self._lowered.index("gbifid") if "gbifid" in self._lowered else None
        self.names = (*names, *joined, "label")
        self._places = {}
        for column, name in _WRITTEN_TO.items():
            if name not in self._lowered or (column == "media_url" and "accessuri" in self._lowered):
                self._places[column] = len(self.names)
                self.names = (*self.names, column)
            else:
                self._places[column] = self._lowered.index(name)

    def cells(self, cells: list[str], joined: Mapping[str, str]) -> list[str] | None:
        said = dict(zip(reversed(self._lowered), reversed(cells), strict=True))
        kind = said.get("type", "").strip().rpartition("/")[2].lower()
        if kind not in _PICTURES or said.get("format", "").lower().startswith(_OTHER_MEDIA):
            return None
        page = _first(said, _LANDING_PAGE)
        if not page and self._id is not None:
            page = f"{GBIF}/occurrence/{cells[self._id]}"
        label = _first(said | {name.lower(): text for name, text in joined.items()}, _NAME)
        more = [joined.get(name, "") for name in self._joined]
        made = [*cells, *more, label]
        made += [""] * (len(self.names) - len(made))
        made[self._places["media_url"]] = _first(said, _URL)
        made[self._places["licence"]] = _first(said, _LICENCE)
        made[self._places["author"]] = _first(said, _CREATOR)
        made[self._places["landing_url"]] = page
        return made


class PhotoTable:
    """
    Photos of iNaturalist's open data, whose addresses are made of their ids.

    `url_column` names the size to take: `original_url` (at most 2,048 pixels), which is the one
    without it, `large_url` (1,024), `medium_url` (500) or a smaller one. `joined` may have
    `taxon_name`, and `observer_login` and `observer_name`; without these the creator is the address
    of the observer's page. The credit is worded as the data set asks for.

    Source: https://github.com/inaturalist/inaturalist-open-data/blob/main/README.md
    """

    def __init__(
        self, names: Sequence[str], reading: ListReading, joined: Sequence[str] = ()
    ) -> None:
        wanted = (wanted_name("url", reading) or "").strip().lower().removesuffix("_url")
        self._size = wanted if wanted in PHOTO_SIZES else PHOTO_SIZES[0]
        self._joined = tuple(joined)
        made = (f"{self._size}_url", "creator", "landing_url", "label", "attribution")
        self.names = (*names, *joined, *made)

    def cells(self, cells: list[str], joined: Mapping[str, str]) -> list[str] | None:
        uuid, photo, observation, observer, extension, code, *rest = map(str.strip, cells)
        licence = PHOTO_LICENCES.get(code.upper(), code)
        name = joined.get("observer_name") or joined.get("observer_login") or ""
        profile = f"{INATURALIST}/users/{observer}" if observer else ""
        return [
            *(uuid, photo, observation, observer, extension, licence, *rest),
            *(joined.get(column, "") for column in self._joined),
            f"{PHOTOS}/{photo}/{self._size}.{extension}" if photo and extension else "",
            name or profile,
            f"{INATURALIST}/photos/{photo}" if photo else "",
            joined.get("taxon_name", ""),
            _credit(name, code.upper()),
        ]


def known_table(
    names: Sequence[str], reading: ListReading, joined: Sequence[str] = ()
) -> KnownTable | None:
    """The table that has a header of `names`; None for one that nobody knows."""
    lowered = tuple(name.strip().lower() for name in names)
    if lowered[: len(PHOTO_COLUMNS)] == PHOTO_COLUMNS:
        return PhotoTable(names, reading, joined)
    if {"gbifid", "identifier", "type"} <= set(lowered):
        return MediaTable(names, joined)
    return None


def is_known(names: Sequence[str]) -> bool:
    return known_table(names, ListReading()) is not None


class KnownRows:
    """Makes rows of the cells of a known table."""

    def __init__(self, table: KnownTable, n_columns: int, reading: ListReading) -> None:
        self._table = table
        self._n_columns = n_columns
        self._at: Places = table_places(table.names, reading)

    def __call__(self, cells: list[str], joined: Mapping[str, str] = NOTHING_JOINED) -> Row:
        """
        A row of one line's cells; what is behind a line's end is not there.

        A line of too many cells is odd: where a sign between cells stands in a cell, a licence
        would be read from another column.
        """
        if len(cells) > self._n_columns:
            told = f"a line has {len(cells)} cells, where its header has {self._n_columns}"
            return odd_row(told, "\t".join(cells))
        clean = ["" if cell == MISSING else cell for cell in cells]
        clean += [""] * (self._n_columns - len(clean))
        told_cells = self._table.cells(clean, joined)
        return SKIPPED if told_cells is None else row_of(told_cells, self._at)


def _first(said: Mapping[str, str], names: Sequence[str]) -> str:
    return next((text for name in names if (text := said.get(name, "").strip())), "")


def _credit(name: str, code: str) -> str:
    if not name or not code.startswith("CC"):
        return ""
    if code == "CC0":
        return f"{name}, no rights reserved (CC0)"
    return f"© {name}, some rights reserved ({code})"
