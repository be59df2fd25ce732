"""Files made of boxes, one in another, and JPEG 2000, which is one of them."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from crawlset.imaging.part_limit import limited
from crawlset.imaging.sniff import MalformedImageError, Probe, TruncatedError

_HEADER = 8
_LARGE, _TO_THE_END = 1, 0
"""What a box says in place of its size: it follows in 8 bytes; it lasts as long as the file."""
JP2_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""What a `uuid` box begins with that holds XMP (XMP specification, part 3)."""
J2K_START = b"\xff\x4f"
_J2K_SIZE = 0xFF51
_J2K_END = b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class Box:
    """What lies from `start` to `stop` is the box's own."""

    kind: bytes
    start: int
    stop: int


@limited
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


def xmp_of_jp2(data: bytes) -> bytes | None:
    """The XMP packet of a whole JPEG 2000 file; a codestream alone has none."""
    if data.startswith(J2K_START):
        return None
    for box in boxes(data, 0, len(data)):
        if box.kind == b"xml ":
            return data[box.start : box.stop]
        if box.kind == b"uuid" and data.startswith(JP2_XMP, box.start):
            return data[box.start + len(JP2_XMP) : box.stop]
    return None


def jp2(data: bytes, _: int) -> Probe:
    """From the codestream, which is what is decoded; the header of the file only repeats it."""
    start = 0
    if not data.startswith(J2K_START):
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


def within(data: bytes, start: int, stop: int) -> dict[bytes, Box]:
    """The first box of each kind."""
    found: dict[bytes, Box] = {}
    for box in boxes(data, start, stop):
        found.setdefault(box.kind, box)
    return found
