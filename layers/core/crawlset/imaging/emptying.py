"""
Files made of boxes without what they say about themselves, as far as that is possible in place.

What stays of an XMP packet is for the caller to say: `rights` gives it, or None.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from crawlset.imaging.iso_boxes import JP2_XMP, Box, boxes, items, within

Rights = Callable[[bytes], bytes | None]

_NO_EXIF = bytes(4) + b"II*\0\x08\0\0\0" + bytes(6)
"""EXIF without a field, behind the offset that its item begins with."""
_XMP_TYPE = b"application/rdf+xml"
_JXL_DROPPED = frozenset({b"Exif", b"jbrd", b"jumb"})
_JP2_DROPPED = frozenset({b"xml ", b"uuid", b"uinf"})
_COMMENT, _TILE = 0xFF64, 0xFF90


def heif(data: bytes, rights: Rights) -> bytes:
    """
    AVIF or HEIC whose EXIF is empty, and of whose XMP only `rights` is left.

    Nothing moves, for a file's offsets are absolute. Raises `ValueError` where there is no room.
    """
    emptied = bytearray(data)
    for box in boxes(data, 0, len(data)):
        if box.kind == b"uuid":
            _free(emptied, box)
        elif box.kind == b"moov":
            for inner in _within_tracks(data, box):
                _free(emptied, inner)
        elif box.kind == b"meta":
            for place, kind in _metadata(data, box):
                told = data[place.start : place.stop]
                kept = _NO_EXIF if kind == b"Exif" else rights(told) or b""
                padding = b"\0" if kind == b"Exif" else b" "
                if len(kept) > len(told):
                    raise ValueError("no room for what must stay of its metadata")
                emptied[place.start : place.stop] = kept.ljust(len(told), padding)
    return bytes(emptied)


def jxl(data: bytes, rights: Rights) -> bytes:
    """A codestream alone says nothing about itself; a file of boxes does."""
    if data.startswith(b"\xff\x0a"):
        return data
    kept = []
    for box in boxes(data, 0, len(data)):
        if box.kind == b"brob":
            raise ValueError("its metadata are compressed")
        if box.kind == b"xml ":
            packet = rights(data[box.start : box.stop])
            kept += [_box(b"xml ", packet)] if packet is not None else []
        elif box.kind not in _JXL_DROPPED:
            kept.append(_box(box.kind, data[box.start : box.stop]))
    return b"".join(kept)


def jp2(data: bytes, rights: Rights) -> bytes:
    """JPEG 2000 without boxes that describe it and without comments in its codestream."""
    if data.startswith(b"\xff\x4f"):
        return _without_comments(data)
    kept = []
    for box in boxes(data, 0, len(data)):
        body = data[box.start : box.stop]
        if body.startswith(JP2_XMP) and box.kind == b"uuid":
            packet = rights(body[len(JP2_XMP) :])
            kept += [_box(b"uuid", JP2_XMP + packet)] if packet is not None else []
        elif box.kind not in _JP2_DROPPED:
            kept.append(_box(box.kind, _without_comments(body) if box.kind == b"jp2c" else body))
    return b"".join(kept)


@dataclass(frozen=True, slots=True)
class _Place:
    start: int
    stop: int


def _metadata(data: bytes, meta: Box) -> Iterator[tuple[_Place, bytes]]:
    """Where EXIF and XMP items lie, and which kind each is."""
    found = within(data, meta.start + 4, meta.stop)
    kinds = {
        item.number: item.kind
        for item in items(data, found)
        if item.kind == b"Exif" or (item.kind == b"mime" and _XMP_TYPE in item.rest)
    }
    if not kinds:
        return
    base = found[b"idat"].start if b"idat" in found else 0
    for number, is_inside, extents in _locations(data, found[b"iloc"]):
        if number not in kinds:
            continue
        if len(extents) != 1:
            raise ValueError("its metadata lie in pieces")
        start = extents[0].start + (base if is_inside else 0)
        stop = extents[0].stop + (base if is_inside else 0)
        if stop > len(data):
            raise ValueError("its metadata lie outside")
        yield _Place(start, stop), kinds[number]


def _locations(data: bytes, iloc: Box) -> Iterator[tuple[int, bool, list[_Place]]]:
    """Each item's number, whether it lies in `idat`, and its extents (ISO/IEC 14496-12)."""
    version = data[iloc.start]
    reader = _Reader(data, iloc.start + 4)
    sizes, more = reader.take(1), reader.take(1)
    offset_size, length_size, base_size = sizes >> 4, sizes & 15, more >> 4
    index_size = more & 15 if version else 0
    for _ in range(reader.take(2 if version < 2 else 4)):  # noqa: PLR2004
        number = reader.take(2 if version < 2 else 4)  # noqa: PLR2004
        method = reader.take(2) & 15 if version else 0
        reader.take(2)
        base = reader.take(base_size)
        extents = []
        for _ in range(reader.take(2)):
            reader.take(index_size)
            start = base + reader.take(offset_size)
            extents.append(_Place(start, start + reader.take(length_size)))
        yield number, method == 1, extents


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


def _within_tracks(data: bytes, moov: Box) -> Iterator[Box]:
    for box in boxes(data, moov.start, moov.stop):
        if box.kind in {b"udta", b"meta"}:
            yield box
        elif box.kind == b"trak":
            yield from (
                inner
                for inner in boxes(data, box.start, box.stop)
                if inner.kind in {b"udta", b"meta"}
            )


def _free(data: bytearray, box: Box) -> None:
    """Make the box one that readers pass over."""
    at = data.rfind(box.kind, 0, box.start)
    data[at : at + 4] = b"free"
    data[box.start : box.stop] = bytes(box.stop - box.start)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _without_comments(codestream: bytes) -> bytes:
    """Comments stand between the marker segments before the first tile."""
    kept, at = [codestream[:2]], 2
    while True:
        marker, length = struct.unpack_from(">HH", codestream, at)
        if marker == _TILE:
            return b"".join([*kept, codestream[at:]])
        if marker != _COMMENT:
            kept.append(codestream[at : at + 2 + length])
        at += 2 + length
