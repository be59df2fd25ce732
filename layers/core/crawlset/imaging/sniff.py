"""
What a file is by its first bytes, and how large its header says it is.

Read with a few lines of our own before any decoder sees the file, so that a decompression bomb
is refused by its header, and a file cut short is told apart from a broken one.
"""

import struct
from dataclasses import dataclass

_PNG = b"\x89PNG\r\n\x1a\n"
_GIF_IMAGE, _GIF_EXTENSION, _GIF_TRAILER = 0x2C, 0x21, 0x3B

_OTHERS = (
    (b"BM", "bmp"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"8BPS", "psd"),
    (b"%!PS", "eps"),
    (b"%PDF", "pdf"),
    (b"\0\0\1\0", "ico"),
    (b"\xff\x0a", "jxl"),
    (b"\0\0\0\x0cJXL ", "jxl"),
    (b"\0\0\0\x0cjP  ", "jp2"),
    (b"qoif", "qoi"),
)
_BRANDS = {b"avif": "avif", b"avis": "avif", b"heic": "heic", b"heix": "heic", b"mif1": "heic"}
_SVG_WINDOW = 1024


class TruncatedError(Exception):
    """The file ends before its own structure does."""


class DamagedError(Exception):
    """The structure is whole, the picture's data inside are not."""


class MalformedImageError(Exception):
    """The file's structure is not that of its format."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What the header promises. `n_frames` stops counting where the caller's limit is passed."""

    width: int
    height: int
    n_frames: int


def sniff(data: bytes) -> str | None:
    """The accepted format that `data` begins as: `jpeg`, `png`, `webp` or `gif`."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(_PNG):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    return None


def sniff_other(data: bytes) -> str | None:
    """The image format, not accepted here, that `data` begins as."""
    for magic, name in _OTHERS:
        if data.startswith(magic):
            return name
    if data[4:8] == b"ftyp" and data[8:12] in _BRANDS:
        return _BRANDS[data[8:12]]
    head = data[:_SVG_WINDOW].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    is_svg = head.startswith(b"<svg") or (
        head.startswith((b"<?xml", b"<!doctype svg")) and b"<svg" in head
    )
    return "svg" if is_svg else None


def probe(data: bytes, image_format: str, max_pixels: int) -> Probe:
    """
    Dimensions and number of frames of a `png`, `webp` or `gif`, without decoding.

    Counting ends once width x height x frames is over `max_pixels`. Raises `TruncatedError` and
    `MalformedImageError`.
    """
    try:
        return _PROBES[image_format](data, max_pixels)
    except (IndexError, struct.error):
        raise TruncatedError("the file ends early") from None


def _png(data: bytes, _: int) -> Probe:
    if data[12:16] != b"IHDR":
        raise MalformedImageError("no image header")
    width, height = struct.unpack_from(">II", data, 16)
    n_frames = 1
    at = 8
    while (kind := data[at + 4 : at + 8]) != b"IEND":
        (length,) = struct.unpack_from(">I", data, at)
        if kind == b"acTL":
            (n_frames,) = struct.unpack_from(">I", data, at + 8)
        at += 12 + length
    return Probe(width, height, max(1, n_frames))


def _gif(data: bytes, max_pixels: int) -> Probe:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    max_frames = max_pixels // max(1, width * height) + 1
    at = 13 + _colours(flags)
    n_frames = 0
    while n_frames <= max_frames:
        block = data[at]
        if block == _GIF_TRAILER:
            break
        if block == _GIF_IMAGE:
            n_frames += 1
            at = _skip_sub_blocks(data, at + 11 + _colours(data[at + 9]))
        elif block == _GIF_EXTENSION:
            at = _skip_sub_blocks(data, at + 2)
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


_PROBES = {"png": _png, "webp": _webp, "gif": _gif}
