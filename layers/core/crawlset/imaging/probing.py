"""
How large a header says that its picture is, before any decoder sees the file.

A decompression bomb is refused by its header, and a file cut short is told from a broken one.
"""

import struct
from itertools import islice

from crawlset.imaging import bitmaps, heif, iso_boxes, jpegxl, parts
from crawlset.imaging.sniff import MalformedImageError, Probe, TruncatedError

_GIF_ENDS = {b";": None, b"": "the trailer is missing"}
_ODD_GIF_END = "an unknown block after the picture"


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
    n_frames = sum(part.kind == b"fcTL" for part in parts.png(data))
    return Probe(width, height, max(1, n_frames))


def _gif(data: bytes, max_pixels: int) -> Probe:
    width, height = struct.unpack_from("<HH", data, 6)
    max_frames = max_pixels // max(1, width * height) + 1
    n_frames, end = 0, parts.gif_header(data)
    for part in parts.gif(data):
        n_frames += part.kind == parts.GIF_IMAGE
        if n_frames > max_frames:
            return Probe(width, height, n_frames)
        end = part.stop
    if not n_frames:
        raise MalformedImageError("no picture in it")
    return Probe(width, height, n_frames, _GIF_ENDS.get(data[end : end + 1], _ODD_GIF_END))


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
    max_frames = max_pixels // (width * height) + 1
    frames = (part for part in parts.webp(data) if part.kind == b"ANMF")
    return Probe(width, height, max(1, sum(1 for _ in islice(frames, max_frames))))


_PROBES = {
    "png": _png,
    "webp": _webp,
    "gif": _gif,
    "avif": heif.probe,
    "heic": heif.probe,
    "jp2": iso_boxes.jp2,
    "jxl": jpegxl.probe,
    "bmp": bitmaps.bmp,
    "ico": bitmaps.ico,
    "tiff": bitmaps.tiff,
}
