"""EXIF, IPTC and Photoshop blocks, field by field: also such as no library would write."""

import struct
from collections.abc import Iterable, Sequence

ASCII, SHORT, RATIONAL, UNDEFINED, SIGNED = 2, 3, 5, 7, 10
EXIF, GPS = 0x8769, 0x8825
MAKE, MODEL, ARTIST, COPYRIGHT = 0x010F, 0x0110, 0x013B, 0x8298
TAKEN_AT, OFFSET, FRACTION = 0x9003, 0x9011, 0x9291
_SIZES = {1: 1, ASCII: 1, SHORT: 2, 4: 4, RATIONAL: 8, UNDEFINED: 1, SIGNED: 8}

Field = tuple[int, int, bytes]
"""Tag, type, value."""


def text(tag: int, value: str | bytes) -> Field:
    """A text as cameras write it, with a NUL behind it."""
    return tag, ASCII, (value.encode() if isinstance(value, str) else value) + b"\0"


def rationals(tag: int, *pairs: tuple[int, int], order: str = "<", kind: int = RATIONAL) -> Field:
    code = "II" if kind == RATIONAL else "ii"
    return tag, kind, b"".join(struct.pack(order + code, *pair) for pair in pairs)


def exif_block(
    main: Iterable[Field] = (),
    photo: Sequence[Field] = (),
    gps: Sequence[Field] = (),
    order: str = "<",
) -> bytes:
    """A TIFF block of up to three directories."""
    block = bytearray({"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 8))
    below = [(EXIF, photo), (GPS, gps)]
    pointers = [(tag, 4, bytes(4)) for tag, fields in below if fields]
    places = _append(block, [*main, *pointers], order)
    for tag, fields in below:
        if fields:
            struct.pack_into(order + "I", block, places[tag], len(block))
            _append(block, fields, order)
    return bytes(block)


def place(
    latitude: Sequence[tuple[int, int]],
    longitude: Sequence[tuple[int, int]],
    halves: str = "NE",
    order: str = "<",
) -> list[Field]:
    """Fields of a GPS directory; a half that is a blank is not stated."""
    north, east = halves[0], halves[1]
    return [
        *([text(1, north)] if north.strip() else []),
        rationals(2, *latitude, order=order),
        *([text(3, east)] if east.strip() else []),
        rationals(4, *longitude, order=order),
    ]


def dataset(record: int, number: int, value: bytes) -> bytes:
    return struct.pack(">BBBH", 0x1C, record, number, len(value)) + value


def resource(number: int, data: bytes, name: bytes = b"") -> bytes:
    named = bytes([len(name)]) + name
    padded = named + bytes(len(named) & 1)
    return (
        b"8BIM"
        + struct.pack(">H", number)
        + padded
        + struct.pack(">I", len(data))
        + data
        + (bytes(len(data) & 1))
    )


def _append(block: bytearray, fields: Sequence[Field], order: str) -> dict[int, int]:
    """Append a directory; gives where each field's inline value lies."""
    at = len(block)
    block += struct.pack(order + "H", len(fields)) + bytes(12 * len(fields) + 4)
    places = {}
    for n, (tag, kind, value) in enumerate(fields):
        entry = at + 2 + 12 * n
        struct.pack_into(order + "HHI", block, entry, tag, kind, len(value) // _SIZES[kind])
        places[tag] = entry + 8
        if len(value) <= 4:
            block[entry + 8 : entry + 8 + len(value)] = value
        else:
            struct.pack_into(order + "I", block, entry + 8, len(block))
            block += value
    return places


def raw_profile(name: str, data: bytes) -> str:
    """As ImageMagick writes it (https://github.com/python-pillow/Pillow/issues/4460)."""
    digits = data.hex()
    lines = [digits[at : at + 72] for at in range(0, len(digits), 72)]
    return "\n".join(["", name, f"{len(data):8}", *lines, ""])
