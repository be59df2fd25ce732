"""
What a file is by its first bytes, and the words in which its header is told.

Read with a few lines of our own before any decoder sees the file.
"""

import struct
from dataclasses import dataclass

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIGNATURES = (
    (b"\xff\xd8\xff", "jpeg"),
    (PNG_SIGNATURE, "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0\x08\0\0\0", "tiff"),
    (b"MM\0+\0\x08\0\0", "tiff"),
    (b"\xff\x0a", "jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
    (b"\xff\x4f\xff\x51", "jp2"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
)
_OTHERS = (
    (b"8BPS", "psd"),
    (b"%!PS", "eps"),
    (b"%PDF", "pdf"),
    (b"\0\0\2\0", "cur"),
    (b"qoif", "qoi"),
)
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "avif"),
    **dict.fromkeys(
        (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "heic"
    ),
}
"""How the pictures are coded, by a brand that says so (https://mp4ra.org/registered-types/brands)."""
_CONTAINER_BRANDS = frozenset({b"mif1", b"msf1", b"mif2", b"miaf"})
"""Brands of a picture that do not say how it is coded: a compatible brand does."""
_MAX_BRANDS = 64
_BMP_HEADER_SIZES = frozenset({12, 40, 52, 56, 64, 108, 124})
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
    n_frames: int = 1
    warning: str | None = None
    """What is odd about the file's structure and harms no pixel."""


def sniff(data: bytes) -> str | None:
    """The format, of those that are decoded here, that `data` begins as."""
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        return _coding(data)
    if _is_bmp(data):
        return "bmp"
    return "ico" if _is_ico(data) else None


def sniff_other(data: bytes) -> str | None:
    """The image format, not decoded here, that `data` begins as."""
    for magic, name in _OTHERS:
        if data.startswith(magic):
            return name
    head = data[:_SVG_WINDOW].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    is_svg = head.startswith(b"<svg") or (
        head.startswith((b"<?xml", b"<!doctype svg")) and b"<svg" in head
    )
    return "svg" if is_svg else None


def _coding(data: bytes) -> str | None:
    """How the pictures of a HEIF container are coded; None if it holds something else."""
    (size,) = struct.unpack_from(">I", data)
    major = data[8:12]
    if major in _BRANDS:
        return _BRANDS[major]
    if major not in _CONTAINER_BRANDS:
        return None
    end = min(size, len(data), 16 + 4 * _MAX_BRANDS)
    compatible = (_BRANDS.get(data[at : at + 4]) for at in range(16, end, 4))
    return next(filter(None, compatible), "heic")


def _is_bmp(data: bytes) -> bool:
    """Two letters are too few to go by: a known header of one plane must follow."""
    if data[:2] != b"BM" or len(data) < 28:  # noqa: PLR2004, up to where the planes stand
        return False
    (size,) = struct.unpack_from("<I", data, 14)
    (n_planes,) = struct.unpack_from("<H", data, 22 if size == 12 else 26)  # noqa: PLR2004
    return size in _BMP_HEADER_SIZES and n_planes == 1


def _is_ico(data: bytes) -> bool:
    """Four bytes are too few to go by: the first entry must point behind the directory."""
    if data[:4] != b"\0\0\1\0" or len(data) < 22:  # noqa: PLR2004, one entry
        return False
    (n_entries,) = struct.unpack_from("<H", data, 4)
    size, offset = struct.unpack_from("<II", data, 14)
    return bool(n_entries > 0 and size > 0 and offset >= 6 + 16 * n_entries)
