"""
A picture without what its file says about itself, its pixels untouched.

EXIF, IPTC, comments and other applications' data go. What stays: what decoding needs, the colour
profile, the orientation, and of the XMP packet what it says about rights.
"""

import struct
import zlib
from collections.abc import Callable
from xml.etree import ElementTree as ET

from crawlset.imaging import bitmaps, emptying, parts, xmp
from crawlset.imaging.features import Rejection
from crawlset.imaging.harmless import without_broken_chunks
from crawlset.imaging.jpeg_segments import segments
from crawlset.imaging.metadata import exif_in_webp, orientation, xmp_packet
from crawlset.imaging.sniff import PNG_SIGNATURE, MalformedImageError, TruncatedError
from crawlset.outcomes import Outcome

NAMESPACES = {
    "cc": "http://creativecommons.org/ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "x": "adobe:ns:meta/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
}
for _prefix, _uri in NAMESPACES.items():
    ET.register_namespace(_prefix, _uri)
RIGHTS = {NAMESPACES[prefix] for prefix in ("cc", "plus", "xmpRights")}
"""Namespaces that speak of rights only."""
RIGHTS_PROPERTIES = {
    f"{{{NAMESPACES['dc']}}}rights",
    f"{{{NAMESPACES['dc']}}}creator",
    f"{{{NAMESPACES['photoshop']}}}Credit",
}
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXIF = b"Exif\0\0"
_MAX_SEGMENT = 65_533
_SOS, _APP0, _APP1, _APP2, _APP14, _APP15, _COM = (
    0xDA, 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE,
)  # fmt: skip
_PNG_KEPT = {
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB",
    b"cICP", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT",
}  # fmt: skip
_PNG_XMP = b"XML:com.adobe.xmp\0"
_WEBP_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04
_GIF_LOOP = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_GIF_XMP = b"XMP DataXMP"


def strip(data: bytes, image_format: str) -> bytes:
    """
    `data` of any format but `tiff` without its metadata.

    Raises:
        ValueError: its parts cannot be told apart, or its XMP packet is one that we do not read.
    """
    if image_format not in _STRIPPERS:
        raise ValueError(f"a {image_format} is stripped by encoding it anew only")
    try:
        return _STRIPPERS[image_format](data)
    except xmp.XmpRefusedError as refusal:
        raise ValueError(str(refusal)) from refusal
    except (struct.error, IndexError, KeyError, MalformedImageError, TruncatedError) as error:
        raise ValueError(f"its {image_format} parts cannot be told apart") from error


def stripped(data: bytes, image_format: str) -> bytes | Rejection:
    """`data` as `strip` makes it; whatever the bytes are, the answer is what is wrong with them."""
    try:
        return strip(data, image_format)
    except ValueError as error:
        return Rejection(Outcome.decode_error, str(error))
    except MemoryError:
        return Rejection(Outcome.decompression_bomb, "needs more memory than a decoder gets")


def rights_packet(packet: bytes | None) -> bytes | None:
    """
    An XMP packet with what `packet` says about rights; None if it says nothing of them.

    Raises:
        XmpRefusedError: it is one that we do not read.
    """
    root = xmp.read(packet) if packet is not None else None
    if root is None:
        return None
    kept = ET.Element(f"{_RDF}Description", {f"{_RDF}about": ""})
    for description in root.iter(f"{_RDF}Description"):
        for name, value in description.attrib.items():
            if _is_about_rights(name):
                kept.set(name, value)
        kept.extend(child for child in description if _is_about_rights(child.tag))
    if len(kept) == 0 and len(kept.attrib) == 1:
        return None
    meta = ET.Element("{adobe:ns:meta/}xmpmeta")
    ET.SubElement(meta, f"{_RDF}RDF").append(kept)
    # Asked for ASCII, `tostring` opens the file of a codec, which no child of ours may.
    return ET.tostring(meta, encoding="unicode").encode("ascii", "xmlcharrefreplace")


def _is_about_rights(name: str) -> bool:
    return name in RIGHTS_PROPERTIES or name[1:].partition("}")[0] in RIGHTS


def _exif_of(turned: int | None) -> bytes | None:
    """The TIFF block of EXIF that says nothing but the orientation; None if there is none."""
    if turned in {None, 1}:
        return None
    return b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, turned, 0) + bytes(4)


def _jpeg(data: bytes) -> bytes:
    kept: list[bytes] = []
    if data[:2] != b"\xff\xd8":
        raise ValueError("it does not begin as a JPEG")
    packet = exif = None
    for marker, start, stop in segments(data):
        body = data[start:stop]
        if marker == _SOS:
            scan = start - 4
        elif marker == _APP1 and body.startswith(_JPEG_XMP):
            packet = packet or body[len(_JPEG_XMP) :]
        elif marker == _APP1 and body.startswith(_EXIF):
            exif = exif or body[len(_EXIF) :]
        elif _is_needed(marker, body):
            kept.append(data[start - 4 : stop])
    about = [_jpeg_segment(_EXIF, _exif_of(orientation(exif or b"")))]
    about.append(_jpeg_segment(_JPEG_XMP, rights_packet(packet)))
    at = 1 if kept and kept[0][1] == _APP0 else 0
    return b"".join([data[:2], *kept[:at], *about, *kept[at:], data[scan:]])


def _is_needed(marker: int, body: bytes) -> bool:
    if marker == _COM:
        return False
    if _APP0 <= marker <= _APP15:
        is_profile = marker == _APP2 and body.startswith(b"ICC_PROFILE\0")
        is_colour = marker == _APP14 and body.startswith(b"Adobe")
        return is_profile or is_colour or (marker == _APP0 and body.startswith(b"JFIF\0"))
    return True


def _jpeg_segment(name: bytes, body: bytes | None) -> bytes:
    if body is None or len(name) + len(body) > _MAX_SEGMENT:
        return b""
    return struct.pack(">BBH", 0xFF, _APP1, 2 + len(name) + len(body)) + name + body


def _png(data: bytes) -> bytes:
    if not data.startswith(PNG_SIGNATURE):
        raise ValueError("it does not begin as a PNG")
    kept = [PNG_SIGNATURE]
    packet = rights_packet(xmp_packet(data, "png"))
    data, _ = without_broken_chunks(data, "png")
    for part in parts.png(data):
        if part.kind == b"eXIf" and (exif := _exif_of(orientation(data[part.at : part.end]))):
            kept.append(_png_chunk(b"eXIf", exif))
        elif part.kind in _PNG_KEPT:
            kept.append(data[part.start : part.stop])
        if part.kind == b"IHDR" and packet is not None:
            kept.append(_png_chunk(b"iTXt", _PNG_XMP + b"\0\0\0\0" + packet))
    return b"".join(kept)


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _webp(data: bytes) -> bytes:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise ValueError("it does not begin as a WebP")
    kept: list[tuple[bytes, bytes]] = []
    for part in parts.webp(data):
        if part.kind in _WEBP_KEPT:
            if part.end > len(data):
                raise ValueError("its WebP chunks cannot be told apart")
            kept.append((part.kind, data[part.at : part.end]))
    packet = rights_packet(xmp_packet(data, "webp"))
    if kept and kept[0][0] == b"VP8X":
        flags = kept[0][1][0] & ~(_WEBP_EXIF | _WEBP_XMP)
        exif = _exif_of(orientation((exif_in_webp(data) or b"").removeprefix(_EXIF)))
        flags |= (_WEBP_EXIF if exif else 0) | (_WEBP_XMP if packet else 0)
        kept[0] = b"VP8X", bytes((flags,)) + kept[0][1][1:]
        kept += [(b"EXIF", exif)] if exif else []
        kept += [(b"XMP ", packet)] if packet else []
    body = b"WEBP" + b"".join(
        struct.pack("<4sI", kind, len(body)) + body + bytes(len(body) & 1) for kind, body in kept
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _gif(data: bytes) -> bytes:
    if data[:6] not in {b"GIF87a", b"GIF89a"}:
        raise ValueError("it does not begin as a GIF")
    kept = [data[: parts.gif_header(data)]]
    packet = rights_packet(xmp_packet(data, "gif"))
    if packet is not None:
        kept.append(b"\x21\xff\x0b" + _GIF_XMP + packet + _gif_magic_tail())
    kept += [
        data[part.start : part.stop]
        for part in parts.gif(data)
        if part.kind == parts.GIF_IMAGE or _is_needed_by_gif(data, part.start)
    ]
    return b"".join([*kept, b";"])


def _ico(data: bytes) -> bytes:
    """A bitmap says nothing about itself; a PNG among the entries may."""
    if data[:4] != b"\0\0\1\0":
        raise ValueError("it does not begin as an ICO")
    (n_entries,) = struct.unpack_from("<H", data, 4)
    entries, bodies = [], []
    offset = 6 + 16 * n_entries
    for at in range(6, offset, 16):
        size, start = struct.unpack_from("<II", data, at + 8)
        body = data[start : start + size]
        if body.startswith(PNG_SIGNATURE):
            body = _png(body)
        entries.append(data[at : at + 8] + struct.pack("<II", len(body), offset))
        bodies.append(body)
        offset += len(body)
    return b"".join([data[:6], *entries, *bodies])


def _is_needed_by_gif(data: bytes, at: int) -> bool:
    """A graphic control, or how often to repeat."""
    label = data[at + 1]
    return label == 0xF9 or (label == 0xFF and data[at + 3 : at + 14] in _GIF_LOOP)  # noqa: PLR2004


def _gif_magic_tail() -> bytes:
    """Makes a packet that is no sub-block end as one for a reader that skips (XMP part 3)."""
    return b"\x01" + bytes(range(255, -1, -1)) + b"\0"


_STRIPPERS: dict[str, Callable[[bytes], bytes]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "gif": _gif,
    "avif": lambda data: emptying.heif(data, rights_packet),
    "heic": lambda data: emptying.heif(data, rights_packet),
    "jp2": lambda data: emptying.jp2(data, rights_packet),
    "jxl": lambda data: emptying.jxl(data, rights_packet),
    "bmp": bitmaps.without_trailer,
    "ico": _ico,
}
