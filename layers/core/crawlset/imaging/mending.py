"""
Files without their parts that hold no pixels, for when one of these is broken.

A reader of PNG passes over an ancillary chunk whose check value is wrong, as libpng and browsers
do (https://www.w3.org/TR/png-3/#13Decoders); WebP, GIF and TIFF are judged alike.
"""

import struct
import zlib
from collections.abc import Callable

from crawlset.imaging.sniff import PNG_SIGNATURE, MalformedImageError

_PNG_PIXELS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS"})
_ANCILLARY = 0x20
"""The bit of a chunk's first letter that lets a reader pass over it."""
_WEBP_PIXELS = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"})
_WEBP_EXTRAS = 0x20 | 0x08 | 0x04
"""Flags of VP8X: there is a colour profile, EXIF, XMP."""
_GIF_IMAGE, _GIF_EXTENSION, _GIF_CONTROL, _GIF_TRAILER = 0x2C, 0x21, 0xF9, 0x3B
_GIF_CONTROL_SIZE = 4
_TIFF = 42
"""The version of a TIFF whose offsets have 4 bytes."""
_TIFF_PIXELS = frozenset(
    {254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320}
    | {322, 323, 324, 325, 332, 338, 339, 347, 529, 530, 531, 532}
)
"""Fields that say where a page's pixels are and what they mean (TIFF 6.0, sections 8 to 22)."""


def without_broken_chunks(data: bytes, image_format: str) -> tuple[bytes, str | None]:
    """
    A `png` without ancillary chunks whose check value is wrong, and what was wrong first.

    Any other file is given back. Raises `MalformedImageError` where a check value says that the
    pixels themselves are broken.
    """
    if image_format != "png":
        return data, None
    try:
        return _png(data, is_needed=lambda _kind, _length: True)
    except (struct.error, IndexError):
        return data, None


def without_extras(data: bytes, image_format: str) -> bytes:
    """`data` of a file without whatever holds no pixels; as it is if its parts cannot be told."""
    try:
        return _BARE[image_format](data) if image_format in _BARE else data
    except (struct.error, IndexError):
        return data


def _png(data: bytes, is_needed: Callable[[bytes, int], bool]) -> tuple[bytes, str | None]:
    kept: list[bytes] = [PNG_SIGNATURE]
    fault = None
    at, kind, n_dropped = len(PNG_SIGNATURE), b"", 0
    while kind != b"IEND":
        (length,) = struct.unpack_from(">I", data, at)
        kind, stop = data[at + 4 : at + 8], at + 12 + length
        (told,) = struct.unpack_from(">I", data, stop - 4)
        is_broken = zlib.crc32(data[at + 4 : stop - 4]) != told
        if is_broken and not kind[0] & _ANCILLARY and kind != b"IEND":
            raise MalformedImageError(_wrong(kind))
        if is_broken and fault is None:
            fault = _wrong(kind)
        if kind != b"IEND" and (is_broken or not is_needed(kind, length)):
            n_dropped += 1
            at = stop
            continue
        kept.append(data[at:stop])
        at = stop
    return (b"".join(kept) if n_dropped else data), fault


def _holds_pixels(kind: bytes, length: int) -> bool:
    return kind in _PNG_PIXELS and (kind != b"tRNS" or length > 0)


def _wrong(kind: bytes) -> str:
    return f"wrong CRC in {kind.decode('latin-1')}"


def _webp(data: bytes) -> bytes:
    kept = []
    at, end = 12, min(len(data), 8 + struct.unpack_from("<I", data, 4)[0])
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : min(at + 8 + length, end)]
        if kind == b"VP8X":
            body = bytes((body[0] & ~_WEBP_EXTRAS,)) + body[1:]
        if kind in _WEBP_PIXELS:
            kept.append(struct.pack("<4sI", kind, length) + body + bytes(length & 1))
        at += 8 + length + (length & 1)
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _gif(data: bytes) -> bytes:
    """Without extensions but for graphic controls of the size that they must have."""
    at = 13 + _gif_colours(data[10])
    kept = [data[:at]]
    while at < len(data) and (kind := data[at]) != _GIF_TRAILER:
        start = at
        is_kept = kind == _GIF_IMAGE
        if kind == _GIF_IMAGE:
            at += 11 + _gif_colours(data[at + 9])
        elif kind == _GIF_EXTENSION:
            is_kept = data[at + 1] == _GIF_CONTROL and data[at + 2] == _GIF_CONTROL_SIZE
            at += 2
        else:
            return data
        while length := data[at]:
            at += 1 + length
        at += 1
        if is_kept:
            kept.append(data[start:at])
    return b"".join([*kept, bytes((_GIF_TRAILER,))])


def _tiff(data: bytes) -> bytes:
    """The first page with the fields of its pixels alone, where it is."""
    order = "<" if data[:2] == b"II" else ">"
    (version,) = struct.unpack_from(order + "H", data, 2)
    at, offset, count = (4, "I", "H") if version == _TIFF else (8, "Q", "Q")
    (page,) = struct.unpack_from(order + offset, data, at)
    (n_fields,) = struct.unpack_from(order + count, data, page)
    start = page + struct.calcsize(count)
    width = 4 + 2 * struct.calcsize(offset)
    fields = [data[at : at + width] for at in range(start, start + n_fields * width, width)]
    kept = [each for each in fields if struct.unpack_from(order + "H", each)[0] in _TIFF_PIXELS]
    directory = struct.pack(order + count, len(kept)) + b"".join(kept)
    directory += bytes(struct.calcsize(offset))
    return data[:page] + directory + data[page + len(directory) :]


def _gif_colours(flags: int) -> int:
    """Bytes of the colour table that `flags` announces."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


_BARE: dict[str, Callable[[bytes], bytes]] = {
    "png": lambda data: _png(data, _holds_pixels)[0],
    "webp": _webp,
    "gif": _gif,
    "tiff": _tiff,
}
