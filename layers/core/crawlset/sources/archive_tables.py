"""Tables within an archive, and what one of them says of the rows of another."""

import codecs
import csv
import io
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

from crawlset.sources import text_manifests
from crawlset.sources.archives import FileArchive
from crawlset.sources.known_tables import MISSING, NOTHING_JOINED, MakeRow
from crawlset.sources.manifest_columns import MAX_VALUE_CHARS, MalformedManifestError
from crawlset.sources.manifest_rows import Row
from crawlset.sources.row_lines import MAX_ROW_CHARS
from crawlset.sources.table_manifests import shaped_rows
from crawlset.sources.table_shape import Shape

MAX_TABLE_CHARS = 4 << 30
"""Characters of a table that is only looked up in; a million occurrences have half so many."""
MAX_JOINED_CHARS = 64 << 20
"""Characters of all that is looked up; what many rows say alike counts once."""
_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class ArchiveTable:
    """A table in an archive, and how its lines are to be read."""

    archive: FileArchive
    member: str
    shape: Shape
    encoding: str = "utf-8"

    def lines(self) -> Iterator[str]:
        return text_manifests.lines(self.archive.open(self.member), self.encoding)

    def rows(self, make: MakeRow) -> Iterator[Row]:
        """A row for every line, those that cannot be read among them."""
        return shaped_rows(self.lines(), self.shape, make)

    def column(self, name: str) -> int | None:
        """The place of a column, by its name in any case."""
        lowered = [each.strip().lower() for each in self.shape.names]
        return lowered.index(name.lower()) if name.lower() in lowered else None

    def place(self, name: str) -> int:
        """The place of a column that is there. Raises `MalformedManifestError` if it is not."""
        place = self.column(name)
        if place is None:
            told = ", ".join(self.shape.names)[:200]
            raise MalformedManifestError(
                f"{self.member} has no column {name}; its columns are {told}."
            )
        return place

    def values(self, places: Sequence[int]) -> Iterator[list[str]]:
        """
        The cells at `places` of each line that has so many, without blanks around them.

        Raises `MalformedManifestError` for more than 4 GiB of characters.
        """
        last = max(places)
        for cells in self._cells(last):
            if len(cells) > last:
                found = [cells[place].strip()[:MAX_VALUE_CHARS] for place in places]
                yield ["" if cell == MISSING else cell for cell in found]

    def _cells(self, last: int) -> Iterator[list[str]]:
        shape = self.shape
        lines = islice(self._long_lines(), shape.n_header_lines, None)
        if not shape.is_quoted:
            for line in lines:
                yield line.rstrip("\r\n").split(shape.delimiter, last + 1)
            return
        reader = csv.reader(lines, delimiter=shape.delimiter)
        while True:
            try:
                yield next(reader)
            except csv.Error:
                continue
            except StopIteration:
                return

    def _long_lines(self) -> Iterator[str]:
        """Lines of a table that may be longer than a list; a line that is too long is several."""
        n_chars = 0
        raw = self.archive.open(self.member)
        text = io.TextIOWrapper(
            cast(io.BufferedReader, raw), self.encoding, errors="surrogateescape", newline="\n"
        )
        while line := text.readline(MAX_ROW_CHARS):
            n_chars += len(line)
            if n_chars > MAX_TABLE_CHARS:
                raise MalformedManifestError(
                    f"{self.member} unpacks to more than {MAX_TABLE_CHARS:,} characters."
                )
            yield line.lstrip("\ufeff")


class Lookup:
    """
    What a table says of rows that are wanted, by their ids.

    It takes 12 bytes an id, and each text that is said once: ids are told apart by 64 bits of a
    hash with a random key, by which two among a million are alike once in 37 million archives.
    """

    def __init__(self, names: Sequence[str], ids: Iterable[str]) -> None:
        self.names = tuple(names)
        hashes = array("q", sorted(array("q", map(hash, ids))))
        self._ids = hashes
        self._numbers = array("I", bytes(4 * len(hashes)))
        self._texts = [""]
        self._known = {"": 0}
        self._n_chars = 0

    def put(self, id_: str, values: Sequence[str]) -> None:
        """
        Keep what is said of an id that is wanted.

        Raises `MalformedManifestError` once all texts together are too long.
        """
        key = hash(id_)
        place = bisect_left(self._ids, key)
        if place < len(self._ids) and self._ids[place] == key:
            self._numbers[place] = self._number(_SEPARATOR.join(values))

    def get(self, id_: str) -> Mapping[str, str]:
        """The values by `names`; empty for an id of which nothing is said, and for none."""
        if not id_:
            return NOTHING_JOINED
        key = hash(id_)
        place = bisect_left(self._ids, key)
        if place == len(self._ids) or self._ids[place] != key or not self._numbers[place]:
            return NOTHING_JOINED
        return self._told(self._texts[self._numbers[place]])

    def texts(self) -> Iterator[Mapping[str, str]]:
        """Each set of values once."""
        return map(self._told, self._texts[1:])

    def _told(self, text: str) -> Mapping[str, str]:
        return dict(zip(self.names, text.split(_SEPARATOR), strict=False))

    def _number(self, text: str) -> int:
        number = self._known.get(text)
        if number is None:
            self._n_chars += len(text)
            if self._n_chars > MAX_JOINED_CHARS:
                raise MalformedManifestError(
                    f"The columns {', '.join(self.names)[:200]} say more than"
                    f" {MAX_JOINED_CHARS:,} characters. Name fewer by keep_columns, or split the"
                    " archive."
                )
            number = self._known[text] = len(self._texts)
            self._texts.append(text)
        return number


NOTHING_LOOKED_UP = Lookup((), ())


def looked_up(
    tables: Iterable[tuple[ArchiveTable, int]], names: Sequence[str], ids: Iterable[str]
) -> Lookup:
    """What tables, each with the place of its id, say in the columns `names` of those wanted."""
    lookup = Lookup(names, ids)
    for table, id_place in tables:
        places = [table.column(name) for name in names]
        found = [place for place in places if place is not None]
        for id_, *values in table.values([id_place, *found]):
            lookup.put(id_, [value.replace(_SEPARATOR, " ") for value in values])
    return lookup


def header_of(archive: FileArchive, member: str, delimiter: str, encoding: str) -> tuple[str, ...]:
    """The names in the first line of a table; none if it is empty."""
    line = next(text_manifests.lines(archive.open(member), encoding), "").rstrip("\r\n")
    try:
        return tuple(next(csv.reader([line], delimiter=delimiter), ()))
    except csv.Error:
        return ()


def check_encoding(member: str, encoding: str) -> None:
    """Raise `MalformedManifestError` for an encoding that is not read."""
    try:
        codecs.lookup(encoding)
    except (LookupError, OSError, ImportError, ValueError) as error:
        told = f"{member} is said to be in {encoding[:40]!r}, which is not read here."
        raise MalformedManifestError(told) from error
