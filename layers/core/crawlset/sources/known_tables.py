"""Tables of GBIF and iNaturalist, which are read by rules of their own."""

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
The columns of iNaturalist's photos.csv, which has no URLs; in any order, as parts of it are made.

Source: https://github.com/inaturalist/inaturalist-open-data/blob/main/Metadata/structure.sql
"""
_SAID_OF_PHOTOS = ("photo_id", "observer_id", "extension", "license")
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

_MADE = (
    ("media_url", "identifier", ("accessuri", "identifier")),
    ("licence", "license", ("license", "webstatement", "rights", "usageterms")),
    ("author", "creator", ("creator", "rightsholder", "owner")),
    ("landing_url", "references", ("references", "furtherinformationurl")),
)
"""What a table of media says in the end: the column, or its own in place of it, and by which."""
CLASS_COLUMNS = ("species", "scientificName")
"""Columns that name the class of a picture, the best first."""
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
        lowered = [name.strip().lower() for name in (*names, *joined)]
        self._joined = tuple(joined)
        self._id = lowered.index("gbifid") if "gbifid" in lowered else None
        self._type = _places_of(("type",), lowered)
        self._format = _places_of(("format",), lowered)
        made = ["label"]
        self._made = [(len(lowered), _places_of([name.lower() for name in CLASS_COLUMNS], lowered))]
        for column, own, sources in _MADE:
            is_own = own in lowered and not (column == "media_url" and "accessuri" in lowered)
            place = lowered.index(own) if is_own else len(lowered) + len(made)
            made += [] if is_own else [column]
            self._made.append((place, _places_of(sources, lowered)))
        self._page = self._made[-1][0]
        self._rest = [""] * len(made)
        self.names = (*names, *joined, *made)

    def cells(self, cells: list[str], joined: Mapping[str, str]) -> list[str] | None:
        kind = _first(cells, self._type).rpartition("/")[2].lower()
        if kind not in _PICTURES or _first(cells, self._format).lower().startswith(_OTHER_MEDIA):
            return None
        made = [*cells, *(joined.get(name, "") for name in self._joined), *self._rest]
        for place, sources in self._made:
            made[place] = _first(made, sources)
        id_ = cells[self._id].strip() if self._id is not None else ""
        if id_ and not made[self._page]:
            made[self._page] = f"{GBIF}/occurrence/{id_}"
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
        lowered = [name.strip().lower() for name in names]
        self._said = [lowered.index(name) for name in _SAID_OF_PHOTOS]
        self._licence = lowered.index("license")
        made = (f"{self._size}_url", "creator", "landing_url", "label", "attribution")
        self.names = (*names, *joined, *made)

    def cells(self, cells: list[str], joined: Mapping[str, str]) -> list[str] | None:
        told = [cell.strip() for cell in cells]
        photo, observer, extension, code = (told[place] for place in self._said)
        told[self._licence] = PHOTO_LICENCES.get(code.upper(), code)
        name = joined.get("observer_name") or joined.get("observer_login") or ""
        profile = f"{INATURALIST}/users/{observer}" if observer else ""
        return [
            *told,
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
    if set(PHOTO_COLUMNS) <= set(lowered):
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
        if MISSING in cells:
            cells = ["" if cell == MISSING else cell for cell in cells]
        if len(cells) < self._n_columns:
            cells = [*cells, *[""] * (self._n_columns - len(cells))]
        made = self._table.cells(cells, joined)
        return SKIPPED if made is None else row_of(made, self._at)


def _places_of(columns: Sequence[str], lowered: Sequence[str]) -> tuple[int, ...]:
    return tuple(lowered.index(column) for column in columns if column in lowered)


def _first(cells: Sequence[str], places: Sequence[int]) -> str:
    """The first text that says something; a place may be behind the end."""
    return next((text for at in places if at < len(cells) and (text := cells[at].strip())), "")


def _credit(name: str, code: str) -> str:
    if not name or not code.startswith("CC"):
        return ""
    if code == "CC0":
        return f"{name}, no rights reserved (CC0)"
    return f"© {name}, some rights reserved ({code})"
