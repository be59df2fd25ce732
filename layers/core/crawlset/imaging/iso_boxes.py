"""How large the pictures are in files made of boxes: AVIF, HEIC, JPEG 2000 and JPEG XL."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from crawlset.imaging.sniff import MalformedImageError, Probe, TruncatedError

_HEADER = 8
_LARGE, _TO_THE_END = 1, 0
"""What a box says in place of its size: it follows in 8 bytes; it lasts as long as the file."""
_PICTURES = frozenset({b"av01", b"hvc1", b"grid", b"iden", b"iovl", b"unci", b"jpeg", b"avc1"})
"""Kinds of items that are pictures."""
_HIDDEN = 1
"""The flag of an item that is not to be shown."""
_NOT_SHOWN = frozenset({b"thmb", b"auxl"})
"""What an item refers to another as when it is not a picture of its own."""
_MADE_OF = b"dimg"
"""How a picture refers to those that it is put together from."""
JP2_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""What a `uuid` box begins with that holds XMP (XMP specification, part 3)."""
_J2K_SIZE = 0xFF51
_J2K_END = b"\xff\xd9"
_JXL_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


@dataclass(frozen=True, slots=True)
class Box:
    """What lies from `start` to `stop` is the box's own."""

    kind: bytes
    start: int
    stop: int


def boxes(data: bytes, start: int, stop: int) -> Iterator[Box]:
    """
    Boxes from `start` to `stop`, one after the other.

    Raises:
        TruncatedError: one lasts longer than what it lies in.
    """
    while start + _HEADER <= stop:
        size, kind = struct.unpack_from(">I4s", data, start)
        body = start + _HEADER
        if size == _LARGE:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        end = stop if size == _TO_THE_END else start + size
        if end > stop:
            raise TruncatedError("the file ends early")
        if end < body:
            raise MalformedImageError("a box smaller than its header")
        yield Box(kind, body, end)
        start = end
    if start < stop and stop == len(data):
        raise TruncatedError("the file ends early")


def heif(data: bytes, max_pixels: int) -> Probe:
    """The largest picture that a property or a track of an AVIF or HEIC speaks of, and how many."""
    sizes: list[tuple[int, int]] = []
    counts = [1]
    has_data = False
    for box in boxes(data, 0, len(data)):
        if box.kind == b"meta":
            found = within(data, box.start + 4, box.stop)
            sizes += _sizes(data, found)
            counts.append(_n_pictures(data, found))
            has_data = has_data or b"idat" in found
        elif box.kind == b"moov":
            side, n_samples = _longest_track(data, box)
            sizes.append(side)
            counts.append(n_samples)
        has_data = has_data or box.kind == b"mdat"
    if not has_data:
        raise TruncatedError("the file ends before its data")
    width, height = max(sizes, key=_area, default=(0, 0))
    if not width or not height:
        raise MalformedImageError("no picture in it")
    return Probe(width, height, min(max(counts), max_pixels + 1))


def _area(sides: tuple[int, int]) -> int:
    return sides[0] * sides[1]


def xmp_of_boxes(data: bytes) -> bytes | None:
    """The XMP packet of a whole JPEG 2000 or JPEG XL file; a codestream alone has none."""
    if data.startswith((b"\xff\x4f", b"\xff\x0a")):
        return None
    for box in boxes(data, 0, len(data)):
        if box.kind == b"xml ":
            return data[box.start : box.stop]
        if box.kind == b"uuid" and data.startswith(JP2_XMP, box.start):
            return data[box.start + len(JP2_XMP) : box.stop]
    return None


def exif_of_boxes(data: bytes) -> bytes | None:
    """The TIFF block of a whole JPEG XL file; an offset stands before it."""
    if data.startswith(b"\xff\x0a"):
        return None
    for box in boxes(data, 0, len(data)):
        if box.kind == b"Exif":
            (offset,) = struct.unpack_from(">I", data, box.start)
            return data[box.start + 4 + offset : box.stop]
    return None


def jp2(data: bytes, _: int) -> Probe:
    """From the codestream, which is what is decoded; the header of the file only repeats it."""
    start = 0
    if data[:2] != b"\xff\x4f":
        found = [box for box in boxes(data, 0, len(data)) if box.kind == b"jp2c"]
        if not found:
            raise TruncatedError("the file ends before its codestream")
        start = found[0].start
    marker, _, _, right, bottom, left, top = struct.unpack_from(">HHHIIII", data, start + 2)
    if marker != _J2K_SIZE or right <= left or bottom <= top:
        raise MalformedImageError("no size")
    if data.rfind(_J2K_END, start) < 0:
        raise TruncatedError("the file ends early")
    return Probe(right - left, bottom - top)


def jxl(data: bytes, _: int) -> Probe:
    """A side is coded in bits (ISO/IEC 18181-1, SizeHeader); frames are not counted."""
    start = 0
    if data[:2] != b"\xff\x0a":
        start = _jxl_codestream(data)
    bits = _Bits(data[start + 2 : start + 18])
    is_small = bits.take(1)
    height = _jxl_side(bits, is_small=is_small)
    ratio = bits.take(3)
    if ratio:
        across, down = _JXL_RATIOS[ratio - 1]
        return Probe(height * across // down, height)
    return Probe(_jxl_side(bits, is_small=is_small), height)


def _jxl_codestream(data: bytes) -> int:
    """Offset of the codestream, or of its first part, in a file of boxes."""
    parts = {b"jxlc": 0, b"jxlp": 4}
    starts = [box.start + parts[box.kind] for box in boxes(data, 0, len(data)) if box.kind in parts]
    if not starts:
        raise TruncatedError("the file ends before its codestream")
    if not data.startswith(b"\xff\x0a", starts[0]):
        raise MalformedImageError("no codestream")
    return starts[0]


def _jxl_side(bits: "_Bits", *, is_small: int) -> int:
    if is_small:
        return (bits.take(5) + 1) * 8
    return bits.take((9, 13, 18, 30)[bits.take(2)]) + 1


class _Bits:
    """Bits of bytes, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._left = int.from_bytes(data, "little")
        self._n_left = 8 * len(data)

    def take(self, n: int) -> int:
        if n > self._n_left:
            raise TruncatedError("the file ends early")
        taken = self._left & (1 << n) - 1
        self._left >>= n
        self._n_left -= n
        return taken


def within(data: bytes, start: int, stop: int) -> dict[bytes, Box]:
    """The first box of each kind."""
    found: dict[bytes, Box] = {}
    for box in boxes(data, start, stop):
        found.setdefault(box.kind, box)
    return found


def _sizes(data: bytes, meta: dict[bytes, Box]) -> Iterator[tuple[int, int]]:
    """Sizes that the `ispe` properties of items say."""
    if b"iprp" not in meta:
        return
    for container in boxes(data, meta[b"iprp"].start, meta[b"iprp"].stop):
        if container.kind == b"ipco":
            for box in boxes(data, container.start, container.stop):
                if box.kind == b"ispe":
                    yield struct.unpack_from(">II", data, box.start + 4)


@dataclass(frozen=True, slots=True)
class Item:
    """What a HEIF file holds one of, with its hidden bit and what follows its kind."""

    number: int
    kind: bytes
    is_hidden: bool
    rest: bytes


def items(data: bytes, meta: dict[bytes, Box]) -> Iterator[Item]:
    if b"iinf" not in meta:
        return
    entries = meta[b"iinf"]
    start = entries.start + (6 if data[entries.start] == 0 else 8)
    for box in boxes(data, start, entries.stop):
        version, flags = data[box.start], data[box.start + 3]
        width = ">H" if version == 2 else ">I"  # noqa: PLR2004
        (number,) = struct.unpack_from(width, data, box.start + 4)
        at = box.start + 4 + struct.calcsize(width) + 2
        yield Item(number, data[at : at + 4], bool(flags & _HIDDEN), data[at + 4 : box.stop])


def _n_pictures(data: bytes, meta: dict[bytes, Box]) -> int:
    """How many items are pictures to be shown: neither parts of one, nor thumbnails, nor alpha."""
    unseen = _not_shown(data, meta[b"iref"]) if b"iref" in meta else set()
    return sum(
        item.kind in _PICTURES and not item.is_hidden and item.number not in unseen
        for item in items(data, meta)
    )


def _not_shown(data: bytes, references: Box) -> set[int]:
    """Thumbnails and alpha, which refer to their picture; and tiles, which a grid refers to."""
    code = "H" if data[references.start] == 0 else "I"
    unseen: set[int] = set()
    for box in boxes(data, references.start + 4, references.stop):
        item, n_others = struct.unpack_from(f">{code}H", data, box.start)
        if box.kind in _NOT_SHOWN:
            unseen.add(item)
        elif box.kind == _MADE_OF:
            start = box.start + struct.calcsize(f">{code}H")
            unseen.update(struct.unpack_from(f">{n_others}{code}", data, start))
    return unseen


def _longest_track(data: bytes, moov: Box) -> tuple[tuple[int, int], int]:
    """Sides of the largest track of a sequence, and how many frames one has at most."""
    sides, counts = [(0, 0)], [0]
    for track in boxes(data, moov.start, moov.stop):
        if track.kind != b"trak":
            continue
        found = within(data, track.start, track.stop)
        if b"tkhd" in found:
            width, height = struct.unpack_from(">II", data, found[b"tkhd"].stop - 8)
            sides.append((width >> 16, height >> 16))
        for kind in (b"mdia", b"minf", b"stbl"):
            box = found.get(kind)
            found = within(data, box.start, box.stop) if box else {}
        if b"stsz" in found:
            counts.append(struct.unpack_from(">I", data, found[b"stsz"].start + 8)[0])
    return max(sides, key=_area), max(counts)
