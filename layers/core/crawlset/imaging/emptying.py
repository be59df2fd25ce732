"""
Files made of boxes without what they say about themselves, as far as that is possible in place.

What stays of an XMP packet is for the caller to say: `rights` gives it, or None.
"""

import struct
from collections.abc import Callable, Iterator

from crawlset.imaging import jpegxl
from crawlset.imaging.heif_items import ItemExtent, items, places
from crawlset.imaging.iso_boxes import J2K_START, JP2_XMP, Box, boxes, within

Rights = Callable[[bytes], bytes | None]

_NO_EXIF = bytes(4) + b"II*\0\x08\0\0\0" + bytes(6)
"""EXIF without a field, behind the offset that its item begins with."""
_XMP_TYPE = b"application/rdf+xml"
_JXL_KEPT = frozenset({b"JXL ", b"ftyp", b"jxll", b"jxlc", b"jxlp", b"jxli"})
"""Boxes of the pictures themselves (https://github.com/libjxl/libjxl/pull/1387 names all)."""
_JP2_KEPT = frozenset({b"jP  ", b"ftyp", b"rreq"})
_JP2_HEADER = frozenset({b"ihdr", b"bpcc", b"colr", b"pclr", b"cmap", b"cdef", b"res "})
_JP2_DROPPED = frozenset(
    {b"xml ", b"uuid", b"uinf", b"asoc", b"lbl ", b"nlst", b"jp2i", b"free", b"jumb"}
)
"""Boxes that describe the picture; others may say how several become one (ISO/IEC 15444-2)."""
_COMMENT, _TILE, _DATA, _J2K_END = 0xFF64, 0xFF90, 0xFF93, b"\xff\xd9"


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
    if data.startswith(jpegxl.CODESTREAM):
        return data
    kept = []
    for kind, body in jpegxl.parts(data):
        if kind == b"xml ":
            if body is None:
                raise ValueError("its metadata cannot be unpacked")
            packet = rights(body)
            kept += [_box(kind, packet)] if packet is not None else []
        elif kind in _JXL_KEPT and body is not None:
            kept.append(_box(kind, body))
    return b"".join(kept)


def jp2(data: bytes, rights: Rights) -> bytes:
    """JPEG 2000 with the boxes of its picture alone, and without what its comments say."""
    if data.startswith(J2K_START):
        return _without_comments(data)
    kept = []
    for box in boxes(data, 0, len(data)):
        body = data[box.start : box.stop]
        if body.startswith(JP2_XMP) and box.kind == b"uuid":
            packet = rights(body[len(JP2_XMP) :])
            kept += [_box(b"uuid", JP2_XMP + packet)] if packet is not None else []
        elif box.kind == b"jp2h":
            inner = (each for each in boxes(data, box.start, box.stop) if each.kind in _JP2_HEADER)
            parts = (_box(each.kind, data[each.start : each.stop]) for each in inner)
            kept.append(_box(b"jp2h", b"".join(parts)))
        elif box.kind == b"jp2c":
            kept.append(_box(b"jp2c", _without_comments(body)))
        elif box.kind in _JP2_KEPT:
            kept.append(_box(box.kind, body))
        elif box.kind not in _JP2_DROPPED:
            raise ValueError("its JPEG 2000 file has boxes that are not known")
    return b"".join(kept)


def _metadata(data: bytes, meta: Box) -> Iterator[tuple[ItemExtent, bytes]]:
    """Where EXIF and XMP items lie, and which kind each is."""
    found = within(data, meta.start + 4, meta.stop)
    kinds = {
        item.number: item.kind
        for item in items(data, found)
        if item.kind == b"Exif" or (item.kind == b"mime" and _XMP_TYPE in item.rest)
    }
    for number, extents in places(data, found) if kinds else ():
        if number not in kinds:
            continue
        if len(extents) != 1:
            raise ValueError("its metadata lie in pieces")
        if extents[0].stop > len(data):
            raise ValueError("its metadata lie outside")
        yield extents[0], kinds[number]


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
    """
    The codestream with zeros for comments, up to its end.

    They stay as long as they were: other segments say how long those of tiles are.
    """
    emptied = bytearray(codestream)
    at, tile_part = 2, 0
    while not codestream.startswith(_J2K_END, at):
        marker, length = struct.unpack_from(">HH", codestream, at)
        if marker == _TILE:
            (size,) = struct.unpack_from(">I", codestream, at + 6)
            tile_part = at + size if size else codestream.rindex(_J2K_END)
        if marker == _DATA:
            if tile_part <= at:
                raise ValueError("its tiles cannot be told apart")
            at = tile_part
            continue
        if marker == _COMMENT:
            emptied[at + 4 : at + 2 + length] = bytes(length - 2)
        at += 2 + length
    return bytes(emptied[: at + 2])
