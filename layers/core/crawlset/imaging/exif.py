"""
A reader of the few EXIF fields that are kept, from a TIFF block that anyone may have written.

Three directories are read, each once: whatever points in a circle is not followed.
"""

import struct
from collections.abc import Sequence

from crawlset.embedded import LOCATION, Embedded
from crawlset.imaging import texts

_MAX_VALUE = 4096
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 13: 4, 129: 1}
"""Bytes of one value, by type of the field."""
_LETTERS = frozenset({1, 2, 7, 129})
"""Types that a text comes in: ASCII, and what programs write instead; 129 is UTF-8 (Exif 3.0)."""
_RATIONALS = {5: "II", 10: "ii"}
_ORDERS = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}
_BIG = 43
"""The version of a TIFF whose offsets have 8 bytes."""
_COUNTS = {"I": "H", "Q": "Q"}
"""How many fields there are is written thus, by how an offset is."""
_POINTERS = {4: "I", 8: "Q"}
_MAKE, _MODEL, _ARTIST, _COPYRIGHT = 0x010F, 0x0110, 0x013B, 0x8298
_EXIF_POINTER, _GPS_POINTER = 0x8769, 0x8825
_TAKEN_AT, _TAKEN_AT_OFFSET, _TAKEN_AT_FRACTION = 0x9003, 0x9011, 0x9291
_XMP, _IPTC = 0x02BC, 0x83BB
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE, _ALTITUDE_REF, _ALTITUDE = range(1, 7)
_KEPT = frozenset({
    _MAKE, _MODEL, _ARTIST, _COPYRIGHT, _EXIF_POINTER, _GPS_POINTER, _TAKEN_AT, _TAKEN_AT_OFFSET,
    _TAKEN_AT_FRACTION, _XMP, _IPTC, *range(1, 7),
})  # fmt: skip
_BELOW_SEA = b"\1"
_SIGNS = {"N": 1, "S": -1, "E": 1, "W": -1}
_DECIMALS = 7
"""Kept of a degree, a centimetre on the ground."""


class Directory:
    """One directory of a block; fields that are broken are not in it."""

    def __init__(self, block: bytes, order: str, at: int, offset: str) -> None:
        self._block, self._order, self._offset = block, order, offset
        self._places: dict[int, tuple[int, int, int]] = {}
        """By tag: type, offset, bytes."""
        count, field = (
            struct.Struct(order + _COUNTS[offset]),
            struct.Struct(order + "HH" + 2 * offset),
        )
        start, width = at + count.size, struct.calcsize(order + offset)
        if start > len(block):
            return
        (n_fields,) = count.unpack_from(block, at)
        for place in range(start, min(start + n_fields * field.size, len(block)), field.size):
            if place + field.size > len(block):
                break
            tag, kind, n, beyond = field.unpack_from(block, place)
            if tag not in _KEPT or tag in self._places:
                continue
            size = _SIZES.get(kind, tag == _XMP) * n
            begin = beyond if size > width else place + 4 + width
            left = len(block) - begin
            if tag == _XMP:  # whatever its type is, a packet says where it ends
                size = min(size, left)
            if 0 < size <= left:
                self._places[tag] = kind, begin, size

    def value(self, tag: int, most: int = _MAX_VALUE) -> bytes:
        """Bytes of a field, `most` at most; empty if it is not there."""
        _, place, size = self._places.get(tag, (0, 0, 0))
        return self._block[place : place + min(size, most)]

    def letters(self, tag: int) -> bytes:
        kind, *_ = self._places.get(tag, (0,))
        return self.value(tag) if kind in _LETTERS else b""

    def text(self, tag: int) -> str:
        """A text up to the NUL that ends it: behind that lies whatever the memory held."""
        return texts.decoded(self.letters(tag).lstrip(b"\0").partition(b"\0")[0])

    def numbers(self, tag: int) -> list[float]:
        """Rational numbers; none if one of them has no denominator."""
        kind, *_ = self._places.get(tag, (0,))
        if kind not in _RATIONALS:
            return []
        pairs = list(struct.iter_unpack(self._order + _RATIONALS[kind], self.value(tag, 24)))
        return [above / below for above, below in pairs] if all(b for _, b in pairs) else []

    def below(self, tag: int) -> "Directory":
        """The directory that a field points to; empty if there is none."""
        code = _POINTERS.get(len(value := self.value(tag)))
        at = struct.unpack(self._order + code, value)[0] if code else len(self._block)
        return Directory(self._block, self._order, at, self._offset)


def first_directory(block: bytes) -> Directory | None:
    """The first directory of a TIFF block; `None` if the block is none."""
    order = _ORDERS.get(block[:4])
    if order is None or len(block) < 16:  # noqa: PLR2004, the longer of its headers
        return None
    (version,) = struct.unpack_from(order + "H", block, 2)
    at, offset = (8, "Q") if version == _BIG else (4, "I")
    (directory,) = struct.unpack_from(order + offset, block, at)
    return Directory(block, order, directory, offset)


def read(block: bytes) -> Embedded:
    """Fields of an EXIF block, the location included; none of one that is broken."""
    main = first_directory(block.removeprefix(b"Exif\0\0"))
    if main is None:
        return {}
    said = {
        "date_time_original": _taken_at(main.below(_EXIF_POINTER)),
        "make": texts.cleaned(main.text(_MAKE)),
        "model": texts.cleaned(main.text(_MODEL)),
        "creator": texts.cleaned(main.text(_ARTIST)),
        "copyright_notice": _copyright(main.letters(_COPYRIGHT)),
    }
    return {
        **{name: value for name, value in said.items() if value is not None},
        **_location(main.below(_GPS_POINTER)),
    }


def is_tiff(data: bytes) -> bool:
    return data[:4] in _ORDERS


def iptc_in_tiff(data: bytes, most: int) -> bytes:
    """The IPTC block of a TIFF file, or as much of it; empty if there is none."""
    return _in_tiff(data, _IPTC, most)


def xmp_in_tiff(data: bytes, most: int) -> bytes:
    """The XMP packet of a TIFF file, or as much of it; empty if there is none."""
    return _in_tiff(data, _XMP, most)


def _in_tiff(data: bytes, tag: int, most: int) -> bytes:
    main = first_directory(data)
    return main.value(tag, most) if main is not None else b""


def located(latitude: float, longitude: float) -> Embedded:
    """The location of these degrees; none at 0, 0, which devices write that know none."""
    if abs(latitude) > LOCATION["latitude"] or abs(longitude) > LOCATION["longitude"]:
        return {}
    if latitude == longitude == 0:
        return {}
    return {"latitude": round(latitude, _DECIMALS), "longitude": round(longitude, _DECIMALS)}


def _taken_at(photo: Directory) -> str | None:
    taken_at = texts.date(texts.decoded(photo.letters(_TAKEN_AT)))
    if taken_at is None or len(taken_at) != len("2014-05-03T12:31:08"):
        return taken_at
    digits = photo.text(_TAKEN_AT_FRACTION).strip()
    fraction = f".{digits[:6]}" if digits.isascii() and digits.isdecimal() else ""
    return taken_at + fraction + texts.zone(photo.text(_TAKEN_AT_OFFSET))


def _copyright(value: bytes) -> str | None:
    """The photographer's notice and the editor's, between which there is a NUL."""
    return texts.together(map(texts.decoded, value.split(b"\0")[:2]))


def _location(gps: Directory) -> Embedded:
    latitude = _degrees(gps.numbers(_LATITUDE), gps.text(_LATITUDE_REF), "NS")
    longitude = _degrees(gps.numbers(_LONGITUDE), gps.text(_LONGITUDE_REF), "EW")
    if latitude is None or longitude is None:
        return {}
    found = located(latitude, longitude)
    altitude = gps.numbers(_ALTITUDE)
    if found and altitude and abs(altitude[0]) <= LOCATION["altitude"]:
        is_below = gps.value(_ALTITUDE_REF) == _BELOW_SEA
        found["altitude"] = round(-altitude[0] if is_below else altitude[0], 3)
    return found


def _degrees(parts: Sequence[float], ref: str, refs: str) -> float | None:
    """Degrees of degrees, minutes and seconds; `None` if it is not said which half is meant."""
    half = ref.strip()[:1].upper()
    if not parts or min(parts) < 0 or not half or half not in refs:
        return None
    degrees: float = sum(part / 60**n for n, part in enumerate(parts))
    return _SIGNS[half] * degrees
