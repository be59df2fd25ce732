"""
How large a header says that its picture is, before any decoder sees the file.

A decompression bomb is refused by its header, and a file cut short is told from a broken one.
"""

import struct

from crawlset.imaging import bitmaps, iso_boxes
from crawlset.imaging.sniff import MalformedImageError, Probe, TruncatedError

_GIF_IMAGE, _GIF_EXTENSION, _GIF_TRAILER = 0x2C, 0x21, 0x3B


def probe(data: bytes, image_format: str, max_pixels: int) -> Probe:
    """
    Dimensions and number of frames of any format but `jpeg`, without decoding.

    Counting ends once width x height x frames is over `max_pixels`. Raises `TruncatedError` and
    `MalformedImageError`.
    """
    try:
        return _PROBES[image_format](data, max_pixels)
    except (IndexError, OverflowError, struct.error):
        raise TruncatedError("the file ends early") from None


def _png(data: bytes, _: int) -> Probe:
    if not b"IHDR".startswith(data[12:16]):
        raise MalformedImageError("no image header")
    width, height = struct.unpack_from(">II", data, 16)
    n_frames = 0
    at = 8
    while (kind := data[at + 4 : at + 8]) != b"IEND":
        (length,) = struct.unpack_from(">I", data, at)
        n_frames += kind == b"fcTL"
        at += 12 + length
    return Probe(width, height, max(1, n_frames))


def _gif(data: bytes, max_pixels: int) -> Probe:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    max_frames = max_pixels // max(1, width * height) + 1
    at = 13 + _colours(flags)
    n_frames = 0
    while n_frames <= max_frames:
        if at == len(data) and n_frames:
            return Probe(width, height, n_frames, "the trailer is missing")
        block = data[at]
        if block == _GIF_TRAILER:
            break
        if block == _GIF_IMAGE:
            n_frames += 1
            at = _skip_sub_blocks(data, at + 11 + _colours(data[at + 9]))
        elif block == _GIF_EXTENSION:
            at = _skip_sub_blocks(data, at + 2)
        elif n_frames:
            return Probe(width, height, n_frames, "an unknown block after the picture")
        else:
            raise MalformedImageError("unknown block")
    if not n_frames:
        raise MalformedImageError("no picture in it")
    return Probe(width, height, n_frames)


def _colours(flags: int) -> int:
    """Bytes of the colour table that `flags` announces."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_sub_blocks(data: bytes, at: int) -> int:
    while length := data[at]:
        at += 1 + length
    return at + 1


def _webp(data: bytes, max_pixels: int) -> Probe:
    (size,) = struct.unpack_from("<I", data, 4)
    if len(data) < 8 + size:
        raise TruncatedError("the file ends early")
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
        return Probe(width, height, 1)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Probe((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1, 1)
    if kind != b"VP8X":
        raise MalformedImageError("unknown chunk")
    width = int.from_bytes(data[24:27], "little") + 1
    height = int.from_bytes(data[27:30], "little") + 1
    n_frames = _webp_frames(data, size, max_pixels // (width * height) + 1)
    return Probe(width, height, n_frames)


def _webp_frames(data: bytes, size: int, max_frames: int) -> int:
    at = 12
    n_frames = 0
    while at + 8 <= 8 + size and n_frames <= max_frames:
        n_frames += data[at : at + 4] == b"ANMF"
        (length,) = struct.unpack_from("<I", data, at + 4)
        at += 8 + length + (length & 1)
    return max(1, n_frames)


_PROBES = {
    "png": _png,
    "webp": _webp,
    "gif": _gif,
    "avif": iso_boxes.heif,
    "heic": iso_boxes.heif,
    "jp2": iso_boxes.jp2,
    "jxl": iso_boxes.jxl,
    "bmp": bitmaps.bmp,
    "ico": bitmaps.ico,
    "tiff": bitmaps.tiff,
}
