"""Items of a HEIF container: what they are, and where their bytes lie (ISO/IEC 14496-12)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crawlset.imaging.iso_boxes import Box, boxes

_HIDDEN = 1
"""The flag of an item that is not to be shown."""
_IN_THE_FILE, _IN_THE_BOX = 0, 1
"""What offsets of an item count from: the file, or the box `idat`."""


@dataclass(frozen=True, slots=True)
class Item:
    """What a HEIF file holds one of, with its hidden bit and what follows its kind."""

    number: int
    kind: bytes
    is_hidden: bool
    rest: bytes


@dataclass(frozen=True, slots=True)
class ItemExtent:
    start: int
    stop: int


def items(data: bytes, meta: Mapping[bytes, Box]) -> Iterator[Item]:
    if b"iinf" not in meta:
        return
    for box in entries(data, meta[b"iinf"]):
        at = kind_of(data, box)
        number = int.from_bytes(data[box.start + 4 : at - 2])
        is_hidden = bool(data[box.start + 3] & _HIDDEN)
        yield Item(number, data[at : at + 4], is_hidden, data[at + 4 : box.stop])


def entries(data: bytes, table: Box) -> Iterator[Box]:
    """The boxes of an `iinf`, one for each item."""
    start = table.start + (6 if data[table.start] == 0 else 8)
    return boxes(data, start, table.stop)


def kind_of(data: bytes, entry: Box) -> int:
    """Offset of an item's kind: behind its number, of 2 bytes or 4, and 2 bytes more."""
    return entry.start + (8 if data[entry.start] == 2 else 10)  # noqa: PLR2004, its version


def places(data: bytes, meta: Mapping[bytes, Box]) -> Iterator[tuple[int, list[ItemExtent]]]:
    """Each item's number and the places in the file that its bytes lie in, in their order."""
    if b"iloc" not in meta:
        return
    iloc = meta[b"iloc"]
    version = data[iloc.start]
    reader = _Reader(data, iloc.start + 4)
    sizes, more = reader.take(1), reader.take(1)
    offset_size, length_size, base_size = sizes >> 4, sizes & 15, more >> 4
    index_size = more & 15 if version else 0
    for _ in range(reader.take(2 if version < 2 else 4)):  # noqa: PLR2004
        number = reader.take(2 if version < 2 else 4)  # noqa: PLR2004
        method = reader.take(2) & 15 if version else _IN_THE_FILE
        reader.take(2)
        base = reader.take(base_size)
        if method == _IN_THE_BOX and b"idat" in meta:
            base += meta[b"idat"].start
        found = []
        for _ in range(reader.take(2)):
            reader.take(index_size)
            start = base + reader.take(offset_size)
            found.append(ItemExtent(start, start + reader.take(length_size)))
        yield number, found


class _Reader:
    """Whole numbers one after the other, the highest byte of each first."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def take(self, n_bytes: int) -> int:
        taken = self._data[self._at : self._at + n_bytes]
        if len(taken) < n_bytes:
            raise IndexError
        self._at += n_bytes
        return int.from_bytes(taken, "big")
