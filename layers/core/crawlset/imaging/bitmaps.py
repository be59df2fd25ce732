"""How large BMP, ICO and TIFF files say that their pictures are."""

import struct
from collections.abc import Iterator
from itertools import islice

from crawlset.imaging.sniff import PNG_SIGNATURE, MalformedImageError, Probe, TruncatedError

_CORE_HEADER = 12
_ROWS = frozenset({0, 3})
"""Compressions of a bitmap that are none: plain rows, and rows with masks of the colours."""
_RUNS = {1: 8, 2: 4}
"""Run-length encodings, with their bits a pixel."""
_END_OF_RUNS, _JUMP = 1, 2
_V5_HEADER, _EMBEDDED = 124, b"DEBM"
"""BITMAPV5HEADER, and what its colour space is called if a profile is in the file (wingdi.h)."""
_ICO_ENTRY = 16
_MAX_PNGS = 64
_CLASSIC, _BIG = 42, 43
"""The version of a TIFF: offsets of 4 bytes, or of 8."""
_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 322, 323
_STRIPS, _STRIP_SIZES, _TILES, _TILE_SIZES = 273, 279, 324, 325
_BITS, _COLOURS, _JPEG_TABLES = 258, 320, 347
_READ = frozenset(
    {_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT, _STRIPS, _STRIP_SIZES, _TILES, _TILE_SIZES}
    | {_BITS, _COLOURS, _JPEG_TABLES}
)
"""Fields without which no pixel can be read: one that lies beyond the file's end was cut off."""
_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 7: "B", 16: "Q"}
"""By the type of a TIFF's field, what its values are."""
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= dict.fromkeys((16, 17, 18), 8)
"""Bytes of one value, by type of the field."""
_MAX_VALUES = 1 << 20
_MAX_SHARED = 4
"""How often a file's length its fields have together, at most."""
_MAX_PAGES = 100_000


def bmp(data: bytes, _: int) -> Probe:
    """
    Raises `TruncatedError` too where rows end early, or runs without the mark of their end.

    Only what fills up the last row to four bytes may be missing.
    """
    (start,) = struct.unpack_from("<I", data, 10)
    width, height, n_bits, compression = _dib(data, 14)
    warning = None
    if compression in _RUNS:
        _end_of_runs(data, start, _RUNS[compression])
    elif compression in _ROWS:
        end = _end_of_rows(start, width, height, n_bits)
        if end - _padding(width, n_bits) > len(data):
            raise TruncatedError("the file ends early")
        warning = "the last row is not filled up" if end > len(data) else None
    return Probe(width, height, warning=warning)


def without_trailer(data: bytes) -> bytes:
    """A BMP without what follows its pixels, unless its header points to that as a profile."""
    (start,) = struct.unpack_from("<I", data, 10)
    width, height, n_bits, compression = _dib(data, 14)
    if compression in _RUNS:
        end = _end_of_runs(data, start, _RUNS[compression])
    elif compression in _ROWS:
        end = _end_of_rows(start, width, height, n_bits)
    else:
        raise MalformedImageError(f"compression {compression}")
    end = max(end, _end_of_profile(data))
    return data if end >= len(data) else data[:2] + struct.pack("<I", end) + data[6:end]


def _end_of_rows(start: int, width: int, height: int, n_bits: int) -> int:
    return start + (width * n_bits + 31) // 32 * 4 * height


def _padding(width: int, n_bits: int) -> int:
    """Bytes that fill up a row to four."""
    return -((width * n_bits + 7) // 8) % 4


def _end_of_runs(data: bytes, at: int, n_bits: int) -> int:
    """The end of what is run-length encoded, `n_bits` a pixel; an index error is its lack."""
    while (n := data[at]) or (code := data[at + 1]) != _END_OF_RUNS:
        at += 2
        if n == 0 and code == _JUMP:
            at += 2
        elif n == 0 and code:
            at += -(-code * n_bits // 16) * 2
    return at + 2


def _end_of_profile(data: bytes) -> int:
    """The end of the colour profile that a header of version 5 tells of; 0 if there is none."""
    (size,) = struct.unpack_from("<I", data, 14)
    if size < _V5_HEADER or data[70:74] != _EMBEDDED:
        return 0
    offset, length = struct.unpack_from("<II", data, 126)
    return int(14 + offset + length)


def ico(data: bytes, _: int) -> Probe:
    """The largest picture that one of the entries has in truth, whatever the directory says."""
    sides: list[tuple[int, int]] = []
    n_bytes = 0
    for offset, size in _entries(data):
        n_bytes += size
        if offset + size > len(data):
            raise TruncatedError("the file ends early")
        if n_bytes > _MAX_SHARED * len(data):
            raise MalformedImageError("pictures that lie in each other")
        if data.startswith(PNG_SIGNATURE, offset):
            sides.append(struct.unpack_from(">II", data, offset + 16))
        else:
            width, height, _, _ = _dib(data, offset)
            sides.append((width, height // 2))  # a mask as high as the picture follows it
    return Probe(*max(sides, key=lambda side: side[0] * side[1]))


def pngs_in_icon(data: bytes) -> Iterator[bytes]:
    """The entries of an ICO that are PNGs, each as a file; the first of very many."""
    for offset, size in islice(_entries(data), _MAX_PNGS):
        if data.startswith(PNG_SIGNATURE, offset):
            yield data[offset : offset + size]


def _entries(data: bytes) -> Iterator[tuple[int, int]]:
    """Offset and bytes of each picture of an ICO, as its directory says."""
    (n_entries,) = struct.unpack_from("<H", data, 4)
    for at in range(6, 6 + _ICO_ENTRY * n_entries, _ICO_ENTRY):
        size, offset = struct.unpack_from("<II", data, at + 8)
        yield offset, size


def _dib(data: bytes, at: int) -> tuple[int, int, int, int]:
    """Width, height, bits a pixel and compression that a bitmap's header at `at` says."""
    (size,) = struct.unpack_from("<I", data, at)
    if size == _CORE_HEADER:
        width, height, _, n_bits = struct.unpack_from("<HHHH", data, at + 4)
        return width, height, n_bits, 0
    width, height, _, n_bits, compression = struct.unpack_from("<iiHHI", data, at + 4)
    if width <= 0 or height == 0:
        raise MalformedImageError(f"{width}x{height} pixels")
    return width, abs(height), n_bits, compression


def tiff(data: bytes, max_pixels: int) -> Probe:
    """
    The first page's size, and how many pages there are.

    A tile larger than its page counts as the page, for a decoder makes room for all of it.
    """
    order = "<" if data[:2] == b"II" else ">"
    (version,) = struct.unpack_from(order + "H", data, 2)
    at, offset = (4, "I") if version == _CLASSIC else (8, "Q")
    (place,) = struct.unpack_from(order + offset, data, at)
    first: Probe | None = None
    seen: set[int] = set()
    while place and place not in seen and len(seen) < _MAX_PAGES:
        seen.add(place)
        page = _Page(data, place, order, offset)
        if first is None:
            first = _size(page.fields(), len(data))
        if len(seen) * first.width * first.height > max_pixels:
            break
        place = page.following()
    if first is None:
        raise MalformedImageError("no page")
    return Probe(first.width, first.height, len(seen))


class _Page:
    """A directory of a TIFF, whose offsets are an `offset` long, `I` or `Q`."""

    def __init__(self, data: bytes, at: int, order: str, offset: str) -> None:
        self._data, self._order, self._offset = data, order, offset
        count = order + ("H" if offset == "I" else "Q")
        (self._n_fields,) = struct.unpack_from(count, data, at)
        self._width = struct.calcsize(order + offset)
        self._start = at + struct.calcsize(count)
        self._stop = self._start + self._n_fields * (4 + 2 * self._width)
        if self._stop + self._width > len(data):
            raise TruncatedError("the file ends early")

    def following(self) -> int:
        """Where the next page is; 0 if there is none."""
        (place,) = struct.unpack_from(self._order + self._offset, self._data, self._stop)
        return int(place)

    def fields(self) -> dict[int, tuple[int, ...]]:
        """
        Whole numbers of the fields that matter, by their tags.

        Raises:
            MalformedImageError: a reader of all fields would read the file several times over.
        """
        fields: dict[int, tuple[int, ...]] = {}
        n_bytes = 0
        for at in range(self._start, self._stop, 4 + 2 * self._width):
            tag, kind, n = struct.unpack_from(self._order + "HH" + self._offset, self._data, at)
            size = n * _SIZES.get(kind, 0)
            place = at + 4 + self._width
            if size > self._width:
                (place,) = struct.unpack_from(self._order + self._offset, self._data, place)
            n_bytes += size if place + size <= len(self._data) else 0
            if n_bytes > _MAX_SHARED * len(self._data):
                raise MalformedImageError("fields that lie in each other")
            if tag not in _READ or tag in fields or kind not in _WHOLE_NUMBERS or n > _MAX_VALUES:
                continue
            values = struct.Struct(f"{self._order}{n}{_WHOLE_NUMBERS[kind]}")
            fields[tag] = values.unpack_from(self._data, place)
        return fields


def _size(fields: dict[int, tuple[int, ...]], n_bytes: int) -> Probe:
    sides = [fields.get(tag, ())[:1] for tag in (_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT)]
    if not sides[0] or not sides[1]:
        raise MalformedImageError("a page without a size")
    for places, sizes in ((_STRIPS, _STRIP_SIZES), (_TILES, _TILE_SIZES)):
        ends = map(sum, zip(fields.get(places, ()), fields.get(sizes, ()), strict=False))
        if max(ends, default=0) > n_bytes:
            raise TruncatedError("the file ends early")
    (width,), (height,) = sides[:2]
    if sides[2] and sides[3] and sides[2][0] * sides[3][0] > max(width * height, 1 << 20):
        return Probe(sides[2][0], sides[3][0])
    return Probe(width, height)
