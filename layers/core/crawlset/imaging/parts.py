"""The parts that a PNG, WebP or GIF consists of, one after the other."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from crawlset.imaging.part_limit import limited
from crawlset.imaging.sniff import PNG_SIGNATURE, MalformedImageError

GIF_IMAGE, GIF_EXTENSION, _GIF_TRAILER = b"\x2c", b"\x21", b"\x3b"
_GIF_HEADER = 13


@dataclass(frozen=True, slots=True)
class Part:
    """All from `start` to `stop` is the part; its content, from `at` to `end`, is within."""

    kind: bytes
    start: int
    at: int
    end: int
    stop: int


@limited
def png(data: bytes) -> Iterator[Part]:
    """
    Chunks up to `IEND`, whose check value may be missing.

    Raises `struct.error` where one is cut, `MalformedImageError` at a second image header: decoders
    do not agree on which of them counts.
    """
    start, kind = len(PNG_SIGNATURE), b""
    while kind != b"IEND":
        (length,) = struct.unpack_from(">I", data, start)
        kind, at = data[start + 4 : start + 8], start + 8
        if at + length + 4 > len(data) and kind != b"IEND":
            raise struct.error("a chunk that lasts longer than its file")
        if kind == b"IHDR" and start > len(PNG_SIGNATURE):
            raise MalformedImageError("more than one image header")
        yield Part(kind, start, at, at + length, at + length + 4)
        start = at + length + 4


@limited
def webp(data: bytes) -> Iterator[Part]:
    """Chunks up to the end that the header tells; the last may claim to go on beyond the file."""
    (size,) = struct.unpack_from("<I", data, 4)
    start = 12
    while start + 8 <= min(8 + size, len(data)):
        kind, length = struct.unpack_from("<4sI", data, start)
        at = start + 8
        yield Part(kind, start, at, at + length, at + length + (length & 1))
        start = at + length + (length & 1)


@limited
def gif(data: bytes) -> Iterator[Part]:
    """
    Blocks behind the header, up to the trailer.

    Behind a picture, the end of the file and an unknown block are the end too. Raises
    `MalformedImageError` for an unknown block before one, `IndexError` where a block ends early.
    """
    start, has_picture = gif_header(data), False
    while (kind := data[start : start + 1]) != _GIF_TRAILER:
        if kind == GIF_IMAGE:
            at = start + 11 + _colours(data[start + 9])
        elif kind == GIF_EXTENSION:
            at = start + 2
        elif has_picture:
            return
        elif not kind:
            raise IndexError
        else:
            raise MalformedImageError("unknown block")
        end = at
        while length := data[end]:
            end += 1 + length
        yield Part(kind, start, at, end, end + 1)
        has_picture = has_picture or kind == GIF_IMAGE
        start = end + 1


def gif_header(data: bytes) -> int:
    """Bytes of a GIF's header and of the colours that go with it."""
    return _GIF_HEADER + _colours(data[10])


def _colours(flags: int) -> int:
    """Bytes of the colour table that `flags` announces."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
