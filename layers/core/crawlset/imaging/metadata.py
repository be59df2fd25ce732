"""What a file says about itself: its EXIF orientation, and `plus:DataMining` of its XMP packet."""

import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from xml.etree import ElementTree as ET

from crawlset.imaging import exif, jpegxl, parts, xmp
from crawlset.imaging.bitmaps import pngs_in_icon
from crawlset.imaging.blocks import raw_profile
from crawlset.imaging.iso_boxes import xmp_of_jp2

_ORIENTATION = 0x0112
_SHORT = 3
_WEBP_EXIF = 0x08
"""The flag of `VP8X` by which a WebP announces EXIF."""
_PROPERTY = "{http://ns.useplus.org/ldf/xmp/1.0/}DataMining"
_RESOURCE = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource"
_VALUE = re.compile(r"(?:^|[/#])(DMI-[A-Za-z-]{1,60})$")
_PNG_KEYWORD, _RAW_KEYWORD = b"XML:com.adobe.xmp\0", b"Raw profile type xmp\0"
_GIF_EXTENSION = b"\x21\xff\x0bXMP DataXMP"


def orientation(exif: bytes) -> int | None:
    """Tag 0x0112 of the TIFF block `exif`, 1 to 8; a broken block has none."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return None
    try:
        (directory,) = struct.unpack_from(order + "I", exif, 4)
        (n_entries,) = struct.unpack_from(order + "H", exif, directory)
        for at in range(directory + 2, directory + 2 + 12 * n_entries, 12):
            tag, kind, n, value = struct.unpack_from(order + "HHIH", exif, at)
            if tag == _ORIENTATION:
                return value if (kind, n) == (_SHORT, 1) and 1 <= value <= 8 else None  # noqa: PLR2004
    except struct.error:
        return None
    return None


def data_mining(packet: bytes | None) -> str | None:
    """
    The last part of the packet's `plus:DataMining`, as `DMI-PROHIBITED`; `None` if it has none.

    A packet that cannot be read says nothing. If it says several things, a prohibition counts.
    """
    if packet is None or b"DataMining" not in packet.replace(b"\0", b""):  # in UTF-16 as well
        return None
    try:
        root = xmp.read(packet)
    except xmp.XmpRefusedError:
        return None
    if root is None:
        return None
    values = [match[1] for text in _values(root) if (match := _VALUE.search(text.strip()))]
    return min(values, key=lambda value: not value.startswith("DMI-PROHIBITED"), default=None)


def xmp_packet(data: bytes, image_format: str) -> bytes | None:
    """
    The XMP packet of a file whose structure is whole, read from the file itself.

    Not of `jpeg`, `avif` and `heic`. One that was compressed is cut where it is too large to be
    read.
    """
    return _PACKETS[image_format](data) if image_format in _PACKETS else None


def _values(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        yield element.get(_PROPERTY, "")
        if element.tag == _PROPERTY:
            yield element.get(_RESOURCE) or element.text or ""


def _png(data: bytes) -> bytes | None:
    """The packet as the specification of XMP has it, or else as ImageMagick writes it."""
    raw = None
    with suppress(struct.error):
        for part in parts.png(data):
            if part.kind == b"iTXt" and data.startswith(_PNG_KEYWORD, part.at):
                return _international_text(data[part.at + len(_PNG_KEYWORD) : part.end])
            if part.kind in {b"tEXt", b"zTXt"} and data.startswith(_RAW_KEYWORD, part.at):
                text = data[part.at + len(_RAW_KEYWORD) : part.end]
                if part.kind == b"zTXt":
                    text = _inflated(text[1:], 3 * xmp.MAX_BYTES) or b""
                raw = raw or raw_profile(text.decode("latin-1"))
    return raw or None


def _international_text(chunk: bytes) -> bytes | None:
    """What follows the two flags, the language and the translated keyword of an `iTXt` chunk."""
    _, _, rest = chunk[2:].partition(b"\0")
    _, _, text = rest.partition(b"\0")
    return _inflated(text, xmp.MAX_BYTES + 1) if chunk[:1].strip(b"\0") else text


def _inflated(text: bytes, most: int) -> bytes | None:
    try:
        return zlib.decompressobj().decompress(text, most)
    except zlib.error:
        return None


def exif_in_webp(data: bytes) -> bytes | None:
    """
    The EXIF block of a WebP, as much of it as there is if it claims to go on.

    One that the header does not announce is none to libwebp, and so to browsers: `ParseVP8XChunks`
    in https://chromium.googlesource.com/webm/libwebp/+/refs/heads/main/src/demux/demux.c.
    """
    extended = _chunk(data, b"VP8X")
    return _chunk(data, b"EXIF") if extended and extended[0] & _WEBP_EXIF else None


def _webp(data: bytes) -> bytes | None:
    return _chunk(data, b"XMP ")


def _chunk(data: bytes, kind: bytes) -> bytes | None:
    found = (data[part.at : part.end] for part in parts.webp(data) if part.kind == kind)
    return next(found, None)


def _gif(data: bytes) -> bytes | None:
    """The packet lies there as it is, and a tail makes it look like sub-blocks to a reader."""
    at = data.find(_GIF_EXTENSION)
    if at < 0:
        return None
    start = at + len(_GIF_EXTENSION)
    end = data.find(b"\x01\xff\xfe", start)
    return data[start:end] if end >= 0 else None


def _tiff(data: bytes) -> bytes | None:
    return exif.xmp_in_tiff(data, xmp.MAX_BYTES + 1) or None


def _ico(data: bytes) -> bytes | None:
    return next(filter(None, map(_png, pngs_in_icon(data))), None)


_PACKETS = {
    "png": _png,
    "webp": _webp,
    "gif": _gif,
    "tiff": _tiff,
    "ico": _ico,
    "jp2": xmp_of_jp2,
    "jxl": jpegxl.xmp_packet,
}
