"""
The blocks in which an image file describes itself, and what they say together.

Where they differ, EXIF counts first, then XMP, then IPTC; but IPTC before XMP if the digest beside
it shows that it was changed since the XMP was written. So do the guidelines of the Metadata Working
Group, version 2.0, as ExifTool reads them (https://exiftool.org/TagNames/MWG.html).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crawlset.embedded import Embedded
from crawlset.imaging import exif, iptc, texts, xmp_fields

_MAX_IPTC = 1 << 20


@dataclass(frozen=True, slots=True)
class Blocks:
    """Raw blocks out of a file, none of them checked; empty where there is none."""

    exif: bytes = b""
    """A TIFF block, with `Exif` before it or without."""
    photoshop: bytes = b""
    """Photoshop's resources, or an IPTC block alone."""
    xmp: bytes = b""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Texts of a PNG by keyword."""


def in_picture(data: bytes, info: Mapping[Any, Any], packet: bytes | None) -> Blocks:
    """
    The blocks of a file that Pillow has loaded: in its `info`, or of a TIFF in `data`.

    Its XMP is `packet`.
    """
    if exif.is_tiff(data):  # it is an EXIF block itself
        return Blocks(data, exif.iptc_in_tiff(data, _MAX_IPTC), packet or b"")
    named = {name: text for name, text in info.items() if isinstance(text, str)}
    stated = info.get("exif")
    if not isinstance(stated, bytes):
        profiles = (named.get(f"Raw profile type {name}") for name in ("exif", "APP1"))
        stated = raw_profile(next(filter(None, profiles), ""))
    by_number = info.get("photoshop")
    if isinstance(by_number, dict):
        photoshop = iptc.packed(by_number)
    else:
        photoshop = raw_profile(named.get("Raw profile type iptc", ""))
    return Blocks(stated, photoshop, packet or b"", named)


def read(blocks: Blocks) -> Embedded:
    """What the blocks say, the location included; a block that cannot be read says nothing."""
    in_exif = exif.read(blocks.exif) if blocks.exif else {}
    in_xmp = xmp_fields.read(blocks.xmp) if blocks.xmp else {}
    said = _png(blocks.texts) if blocks.texts else {}
    if blocks.photoshop:
        block, digest = iptc.unpacked(blocks.photoshop)
        in_iptc = iptc.read(block)
        if _is_changed(block, digest):
            return said | in_xmp | in_iptc | in_exif
        said |= in_iptc
    return said | in_xmp | in_exif


def _png(named: Mapping[str, str]) -> Embedded:
    """Keywords that the PNG specification names."""
    said = {
        "creator": texts.cleaned(_png_text(named.get("Author", ""))),
        "copyright_notice": texts.cleaned(_png_text(named.get("Copyright", ""))),
    }
    return {name: text for name, text in said.items() if text is not None}


def _png_text(text: str) -> str:
    """A text that Pillow took for Latin-1, as PNG has it; one in Unicode is of another type."""
    is_latin = type(text) is str and max(text, default="") <= "\xff"
    return texts.decoded(text.encode("latin-1")) if is_latin else text


def _is_changed(block: bytes, digest: bytes) -> bool:
    """Whether an IPTC block is another than when `digest` was made of it; zeros are none."""
    if not digest.strip(b"\0"):
        return False
    return digest != hashlib.md5(block, usedforsecurity=False).digest()


def raw_profile(text: str) -> bytes:
    """A block as ImageMagick writes it as a text: its name, its length, its hexadecimal digits."""
    *_, digits = text.split(maxsplit=2) or [""]
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b""
