"""
Files without their parts that hold no pixels, for when one of these is broken.

A reader of PNG passes over an ancillary chunk whose check value is wrong, as libpng and browsers
do (https://www.w3.org/TR/png-3/#13Decoders); WebP, GIF and TIFF are judged alike.
"""

import struct
import zlib
from collections.abc import Callable, Iterator

from crawlset.imaging import parts
from crawlset.imaging.heif_items import entries, kind_of
from crawlset.imaging.iso_boxes import boxes
from crawlset.imaging.sniff import PNG_SIGNATURE, MalformedImageError

_PNG_PIXELS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS"})
_ANCILLARY = 0x20
"""The bit of a chunk's first letter that lets a reader pass over it."""
_WEBP_PIXELS = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"})
_WEBP_EXTRAS = 0x20 | 0x08 | 0x04
"""Flags of VP8X: there is a colour profile, EXIF, XMP."""
_GIF_CONTROL = b"\x21\xf9\x04"
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

    A `heic` has all it says of its items made text: `pi_heif` crashes where it is not. Any other
    file is given back. Raises `MalformedImageError` where a check value says that the pixels
    themselves are broken.
    """
    try:
        if image_format == "png":
            return _png(data, is_needed=lambda _kind, _length: True)
        if image_format == "heic":
            return _with_item_texts(data)
    except (struct.error, IndexError):
        return data, None
    return data, None


def without_extras(data: bytes, image_format: str) -> bytes:
    """`data` of a file without whatever holds no pixels; as it is if its parts cannot be told."""
    try:
        return _BARE[image_format](data) if image_format in _BARE else data
    except (struct.error, IndexError, MalformedImageError):
        return data


def _png(data: bytes, is_needed: Callable[[bytes, int], bool]) -> tuple[bytes, str | None]:
    kept: list[bytes] = [PNG_SIGNATURE]
    fault = None
    n_dropped = 0
    for part in parts.png(data):
        (told,) = struct.unpack_from(">I", data, part.end)
        is_broken = zlib.crc32(data[part.at - 4 : part.end]) != told
        is_end = part.kind == b"IEND"
        if is_broken and not part.kind[0] & _ANCILLARY and not is_end:
            raise MalformedImageError(_wrong(part.kind))
        if is_broken and fault is None:
            fault = _wrong(part.kind)
        if is_end or (not is_broken and is_needed(part.kind, part.end - part.at)):
            kept.append(data[part.start : part.stop])
        else:
            n_dropped += 1
    return (b"".join(kept) if n_dropped else data), fault


def _with_item_texts(data: bytes) -> tuple[bytes, str | None]:
    """Each byte that is not ASCII becomes `?` in what is no UTF-8 of an item's kind and names."""
    mended = bytearray(data)
    for start, stop in _item_texts(data):
        text = data[start:stop]
        if not _is_utf8(text):
            mended[start:stop] = text.decode("ascii", "replace").replace("\ufffd", "?").encode()
    return (bytes(mended), "an item whose kind is no text") if mended != data else (data, None)


def _item_texts(data: bytes) -> Iterator[tuple[int, int]]:
    """From where to where a HEIF file has the kind of an item, and its name and content type."""
    for meta in boxes(data, 0, len(data)):
        if meta.kind == b"meta":
            for table in boxes(data, meta.start + 4, meta.stop):
                if table.kind == b"iinf":
                    for entry in entries(data, table):
                        kind = kind_of(data, entry)
                        yield kind, kind + 4
                        yield kind + 4, entry.stop


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _holds_pixels(kind: bytes, length: int) -> bool:
    return kind in _PNG_PIXELS and (kind != b"tRNS" or length > 0)


def _wrong(kind: bytes) -> str:
    return f"wrong CRC in {kind.decode('latin-1')}"


def _webp(data: bytes) -> bytes:
    kept = []
    for part in parts.webp(data):
        body = data[part.at : part.end]
        if part.kind == b"VP8X":
            body = bytes((body[0] & ~_WEBP_EXTRAS,)) + body[1:]
        if part.kind in _WEBP_PIXELS:
            length = part.end - part.at
            kept.append(struct.pack("<4sI", part.kind, length) + body + bytes(length & 1))
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _gif(data: bytes) -> bytes:
    """Without extensions but for graphic controls of the size that they must have."""
    kept = (
        data[part.start : part.stop]
        for part in parts.gif(data)
        if part.kind == parts.GIF_IMAGE or data.startswith(_GIF_CONTROL, part.start)
    )
    return b"".join([data[: parts.gif_header(data)], *kept, b";"])


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


_BARE: dict[str, Callable[[bytes], bytes]] = {
    "png": lambda data: _png(data, _holds_pixels)[0],
    "webp": _webp,
    "gif": _gif,
    "tiff": _tiff,
}
