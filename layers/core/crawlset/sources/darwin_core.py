"""
Darwin Core Archives, such as GBIF's downloads: pictures of occurrences, and what these are of.

Source: https://dwc.tdwg.org/text/ for meta.xml, and for GBIF's
https://github.com/gbif/occurrence/blob/dev/occurrence-download/src/main/java/org/gbif/occurrence/download/file/dwca/archive/DwcArchiveUtils.java
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from crawlset.sources.archive_tables import (
    NOTHING_LOOKED_UP,
    ArchiveTable,
    Lookup,
    check_encoding,
    header_of,
    looked_up,
)
from crawlset.sources.archives import FileArchive, member, told_names
from crawlset.sources.known_tables import CLASS_COLUMNS, KnownRows, MediaTable
from crawlset.sources.manifest_columns import MAX_COLUMNS, MalformedManifestError, wanted_names
from crawlset.sources.manifest_rows import Row
from crawlset.sources.table_shape import Shape
from crawlset.wire.searches import ListReading

DESCRIPTOR = "meta.xml"
MEDIA = "multimedia.txt"
OCCURRENCES = "occurrence.txt"
MAX_DESCRIPTOR_BYTES = 1 << 20
MAX_LOCATIONS = 100
"""Files of one table."""
_MEDIA_TYPES = frozenset({"multimedia", "image"})
"""Ends of the row types of media: GBIF's, its older Image, and those of Audubon Core."""
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\r\\n": "\r\n", "\\f": "\f"}


@dataclass(slots=True)
class _Described:
    """A table as meta.xml describes it."""

    attributes: dict[str, str]
    is_core: bool
    locations: list[str] = field(default_factory=list)
    id: int | None = None
    terms: dict[int, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)

    @property
    def row_type(self) -> str:
        return _short(self.attributes.get("rowType", ""))


def reader(archive: FileArchive, reading: ListReading) -> Callable[[], Iterator[Row]]:
    """
    Gives the rows of an archive of which meta.xml, or else multimedia.txt, says what is in it.

    Raises `MalformedManifestError` for one that has no media, or lacks a file it names.
    """
    core, media, defaults = _tables(archive, reading)
    names = (*media[0][0].shape.names, *defaults)
    lookup = _occurrences(core, media, names, reading) if core else NOTHING_LOOKED_UP
    n_columns = len(media[0][0].shape.names)
    known = KnownRows(MediaTable(names, lookup.names), len(names), reading)
    constants = list(defaults.values())

    def make(cells: list[str], id_place: int) -> Row:
        id_ = cells[id_place].strip() if id_place < len(cells) else ""
        return known([*cells, *[""] * (n_columns - len(cells)), *constants], lookup.get(id_))

    def rows() -> Iterator[Row]:
        for table, id_place in media:
            yield from table.rows(lambda cells, at=id_place: make(cells, at))  # type: ignore[misc]

    return rows


type _Keyed = tuple[ArchiveTable, int]
"""A table, and the place of the id that its rows have in common with those of others."""


def _tables(
    archive: FileArchive, reading: ListReading
) -> tuple[list[_Keyed], list[_Keyed], dict[str, str]]:
    """Tables of occurrences, tables of media, and what all media have in common."""
    descriptor = member(archive, DESCRIPTOR)
    if descriptor is None:
        return _undescribed(archive, reading)
    described = _described(archive.open(descriptor).read(MAX_DESCRIPTOR_BYTES + 1))
    media = next((each for each in described if each.row_type.lower() in _MEDIA_TYPES), None)
    if media is None:
        types = ", ".join(each.row_type for each in described)[:200] or "nothing"
        raise MalformedManifestError(f"The archive's {DESCRIPTOR} names no media, but {types}.")
    core = next((each for each in described if each.is_core and each is not media), None)
    folder = descriptor[: descriptor.rfind("/") + 1]
    return (
        _found(archive, folder, core, reading) if core else [],
        _found(archive, folder, media, reading),
        media.defaults,
    )


def _undescribed(
    archive: FileArchive, reading: ListReading
) -> tuple[list[_Keyed], list[_Keyed], dict[str, str]]:
    """GBIF's tables without meta.xml, by their headers."""
    found: dict[str, list[_Keyed]] = {MEDIA: [], OCCURRENCES: []}
    for name, tables in found.items():
        path = member(archive, name)
        if path is None:
            continue
        encoding = reading.encoding or "utf-8"
        names = header_of(archive, path, "\t", encoding)
        shape = Shape("\t", names, 1, is_quoted=False)
        table = ArchiveTable(archive, path, shape, encoding)
        tables.append((table, table.place("gbifID")))
    return found[OCCURRENCES], found[MEDIA], {}


def _occurrences(
    core: list[_Keyed], media: list[_Keyed], media_names: tuple[str, ...], reading: ListReading
) -> Lookup:
    """What the core says of each occurrence that has media, in columns that media do not have."""
    known = {name.lower() for name in media_names}
    wanted = dict.fromkeys((*CLASS_COLUMNS, *wanted_names(reading)))
    first, _ = core[0]
    names = [
        name for name in wanted if name.lower() not in known and first.column(name) is not None
    ]
    if not names:
        return NOTHING_LOOKED_UP
    ids = (id_ for table, place in media for (id_,) in table.values([place]))
    return looked_up(core, names, ids)


def _found(
    archive: FileArchive, folder: str, described: _Described, reading: ListReading
) -> list[_Keyed]:
    """The tables at the places that meta.xml names."""
    if described.id is None or not described.locations:
        told = described.row_type or "a table"
        raise MalformedManifestError(
            f"The archive's {DESCRIPTOR} names no file or no id of {told}."
        )
    found = []
    for location in described.locations:
        path = folder + location
        if path not in archive.names:
            raise MalformedManifestError(
                f"The archive has no {location[:200]}, which its {DESCRIPTOR} names; it has"
                f" {told_names(archive)}."
            )
        encoding = reading.encoding or described.attributes.get("encoding") or "utf-8"
        check_encoding(path, encoding)
        found.append(
            (
                ArchiveTable(archive, path, _shape(archive, path, described, encoding), encoding),
                described.id,
            )
        )
    return found


def _shape(archive: FileArchive, path: str, described: _Described, encoding: str) -> Shape:
    """The shape that meta.xml says; columns it does not name are called as in the header."""
    said = described.attributes
    delimiter = _unescaped(said.get("fieldsTerminatedBy", ","))
    quote = said.get("fieldsEnclosedBy", '"')
    n_header_lines = said.get("ignoreHeaderLines", "0")
    if len(delimiter) != 1 or delimiter in '\r\n"' or quote not in {"", '"'}:
        raise MalformedManifestError(
            f"{path} has {quote[:10]!r} around cells and {delimiter[:10]!r} between them,"
            f" its {DESCRIPTOR} says, which is not read here."
        )
    if n_header_lines not in {"", "0", "1"}:
        raise MalformedManifestError(f"{path} has more than one line of names.")
    has_header = n_header_lines == "1"
    header = header_of(archive, path, delimiter, encoding) if has_header else ()
    n_columns = max(len(header), *(place + 1 for place in (*described.terms, described.id or 0)))
    if n_columns > MAX_COLUMNS:
        raise MalformedManifestError(f"{path} has more than {MAX_COLUMNS:,} columns.")
    names = tuple(
        described.terms.get(place) or (header[place] if place < len(header) else "")
        for place in range(n_columns)
    )
    return Shape(delimiter, names, int(has_header), is_quoted=bool(quote))


def _described(xml: bytes) -> list[_Described]:
    """
    The tables in meta.xml.

    Raises `MalformedManifestError` for what is no XML, has a document type, which is how entities
    are made to fill a memory (https://docs.python.org/3/library/xml.html#xml-security), or is
    longer than 1 MiB.
    """
    if len(xml) > MAX_DESCRIPTOR_BYTES:
        raise MalformedManifestError(f"The archive's {DESCRIPTOR} is longer than 1 MiB.")
    descriptor = _Descriptor()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = descriptor.refuse
    parser.StartElementHandler = descriptor.begin
    parser.EndElementHandler = descriptor.end
    parser.CharacterDataHandler = descriptor.hear
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, LookupError, ValueError, OSError) as error:
        told = f"The archive's {DESCRIPTOR} is broken: {str(error)[:100]}"
        raise MalformedManifestError(told) from error
    return descriptor.tables


class _Descriptor:
    """Hears of a meta.xml, element by element."""

    def __init__(self) -> None:
        self.tables: list[_Described] = []
        self._location: list[str] | None = None

    def refuse(self, *_: object) -> None:
        raise MalformedManifestError(f"The archive's {DESCRIPTOR} has a document type.")

    def begin(self, element: str, attributes: dict[str, str]) -> None:
        name = element.rpartition(" ")[2]
        if name in {"core", "extension"}:
            self.tables.append(_Described(attributes, name == "core"))
        elif self.tables and name == "location":
            self._location = []
        elif self.tables and name in {"id", "coreid"}:
            self.tables[-1].id = _index(attributes)
        elif self.tables and name == "field":
            self._add_field(self.tables[-1], attributes)

    def end(self, element: str) -> None:
        if self._location is not None and element.rpartition(" ")[2] == "location":
            locations = self.tables[-1].locations
            locations.append("".join(self._location).strip().removeprefix("./"))
            self._location = None
            if len(locations) > MAX_LOCATIONS:
                raise MalformedManifestError(f"A table has more than {MAX_LOCATIONS} files.")

    def hear(self, text: str) -> None:
        if self._location is not None:
            self._location.append(text)

    def _add_field(self, table: _Described, attributes: dict[str, str]) -> None:
        term = _short(attributes.get("term", ""))
        place = _index(attributes)
        if place is not None:
            table.terms[place] = term
        elif "default" in attributes:
            table.defaults[term] = attributes["default"]


def _index(attributes: dict[str, str]) -> int | None:
    text = attributes.get("index", "")
    if text and not (text.isdecimal() and len(text) < len(str(MAX_COLUMNS)) + 1):
        raise MalformedManifestError(f"The archive's {DESCRIPTOR} names column {text[:20]!r}.")
    return int(text) if text else None


def _short(term: str) -> str:
    """`identifier` of http://purl.org/dc/terms/identifier."""
    return term.rpartition("/")[2].rpartition("#")[2]


def _unescaped(text: str) -> str:
    return _ESCAPES.get(text, text)
