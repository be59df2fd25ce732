"""
JPEG: the header read with a few lines of our own, the picture decoded once, by libjpeg-turbo.

libjpeg paints over what it cannot read and only warns. Here a warning rejects the picture, unless
it is about bytes that hold no part of it.
"""

import struct
from dataclasses import dataclass, replace

import numpy as np
import simplejpeg

from crawlset.imaging.jpeg_segments import segments, unconverted
from crawlset.imaging.sniff import DamagedError, MalformedImageError, TruncatedError

_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_HUFFMAN_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_PROGRESSIVE = 0xC2
_TABLES, _SCAN, _APP1, _APP13 = 0xC4, 0xDA, 0xE1, 0xED
_PRECISION = 8
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_CHANNELS = {1: "L", 3: "RGB", 4: "CMYK"}
_BLANK = bytes(64)
_END_OF_BLOCK = 0

_END_MARKER = b"\xff\xd9"

_EARLY_END = "Premature end of JPEG file"
_EXTRANEOUS = "extraneous bytes before marker"
_DAMAGE = ("Corrupt JPEG data", "Inconsistent progression")
_HARMLESS = "Invalid SOS parameters for sequential JPEG"
_ODD_BYTES = {"Warning: unknown JFIF": (b"JFIF\0", 5), "Unknown Adobe": (b"Adobe", 11)}
"""Where in a segment the byte stands that libjpeg knows only the value 1 of."""


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the first scan."""

    width: int
    height: int
    n_channels: int
    is_huffman: bool
    """8 bits a sample and Huffman codes: what libjpeg-turbo decodes here."""
    exif: bytes | None
    xmp: bytes | None
    photoshop: bytes
    """Its resources, IPTC among them; several segments may hold them."""
    scan: int
    """Offset of the first scan."""
    junk: tuple[tuple[int, int], ...]
    """Offsets, from and to, of bytes between segments that belong to none."""
    has_blanks: bool
    """
    Whether a long run of zero bits may be part of the picture.

    Where the code of zeros is not "the block ends here" it stands for a coefficient, and a run of
    them for the same coefficient all over some blocks: no picture has that.
    """

    @property
    def mode(self) -> str:
        """Name that Pillow gives the mode."""
        return _CHANNELS.get(self.n_channels, "")


def read_header(data: bytes) -> Header:
    """Raises `TruncatedError` and `MalformedImageError`."""
    try:
        return _walk(data)
    except (IndexError, struct.error):
        raise TruncatedError("the file ends early") from None


def decode(
    data: bytes, header: Header, colours: str, least: tuple[int, int]
) -> tuple[np.ndarray, str | None]:
    """
    Pixels (height, width, channels) of a Huffman-coded JPEG, and what was odd about it.

    Decoded at the smallest DCT scale that leaves `least` (width, height); sides are rounded up.
    `colours` is `GRAY`, `RGB` or `YCC`, which is Y, Cb and Cr as they are, chroma samples repeated,
    and is for files without junk. Raises `TruncatedError`, `DamagedError`, and `ValueError` with
    libjpeg's message when it will not decode such a file.
    """
    if not header.has_blanks and _has_hole(data, header):
        raise DamagedError("a run of zeros in the picture's data")
    width, height = least
    keeps_planes = colours == "YCC"
    scan = header.scan
    if keeps_planes:
        data, scan = unconverted(data)
    warnings: list[str] = []
    while True:
        try:
            return simplejpeg.decode_jpeg(
                data,
                "RGB" if keeps_planes else colours,
                fastupsample=keeps_planes,
                min_width=width,
                min_height=height,
                strict=_HARMLESS not in warnings,
            ), warnings[0] if warnings else None
        except ValueError as error:
            message = str(error)
        if message.startswith(_EARLY_END):
            raise TruncatedError(message)
        header = replace(header, scan=scan)
        mended = _mended(data, header, message) if message not in warnings else None
        if mended is None and message.startswith(_DAMAGE):
            raise DamagedError(message)
        if mended is None:
            raise ValueError(message)
        data, header = mended
        scan = header.scan
        warnings.append(message)


def _mended(data: bytes, header: Header, message: str) -> tuple[bytes, Header] | None:
    """The file without that which libjpeg says `message` of, if it is no part of the picture."""
    if message == _HARMLESS:
        return data, header
    for beginning, (name, offset) in _ODD_BYTES.items():
        if message.startswith(beginning) and (at := data.find(name, 0, header.scan)) >= 0:
            at += offset
            return data[:at] + b"\1" + data[at + 1 :], header
    return _without_junk(data, header) if _EXTRANEOUS in message else None


def _walk(data: bytes) -> Header:
    frame: tuple[int, ...] | None = None
    exif = xmp = None
    photoshop: list[bytes] = []
    zero_symbols: dict[int, int] = {}
    junk: list[tuple[int, int]] = []
    for marker, start, stop in segments(data, junk):
        if marker in _FRAMES and frame is None:
            frame = marker, *struct.unpack_from(">BHHB", data, start)
        elif marker == _APP1 and exif is None and data.startswith(_EXIF, start):
            exif = data[start + len(_EXIF) : stop]
        elif marker == _APP1 and xmp is None and data.startswith(_XMP, start):
            xmp = data[start + len(_XMP) : stop]
        elif marker == _APP13 and data.startswith(_PHOTOSHOP, start):
            photoshop.append(data[start + len(_PHOTOSHOP) : stop])
        elif marker == _TABLES:
            zero_symbols |= _zero_symbols(data[start:stop])
        elif marker == _SCAN:
            scan = start - 4
            n_scanned, ac_table = data[start], data[start + 2] & 15
    if frame is None:
        raise MalformedImageError("no frame header")
    if data.rfind(_END_MARKER, scan) < 0:
        raise TruncatedError("the file ends early")
    kind, precision, height, width, n_channels = frame
    is_sequential = kind in _HUFFMAN_FRAMES and kind != _PROGRESSIVE
    can_end = zero_symbols.get(ac_table, _END_OF_BLOCK) == _END_OF_BLOCK
    return Header(
        width,
        height,
        n_channels,
        kind in _HUFFMAN_FRAMES and precision == _PRECISION,
        exif,
        xmp,
        b"".join(photoshop),
        scan,
        tuple(junk),
        can_end or not is_sequential or n_scanned != n_channels,
    )


def _zero_symbols(tables: bytes) -> dict[int, int]:
    """By number of an AC table, the symbol whose code is all zeros."""
    symbols = {}
    at = 0
    while at < len(tables):
        n_codes = sum(tables[at + 1 : at + 17])
        if tables[at] >> 4 and n_codes:
            symbols[tables[at] & 15] = tables[at + 17]
        at += 17 + n_codes
    return symbols


def _has_hole(data: bytes, header: Header) -> bool:
    """Whether a run of zeros lies in the picture's data; at their end it is padding."""
    at = data.find(_BLANK, header.scan)
    return at >= 0 and bool(data[at : _end(data, header)].strip(b"\0"))


def _without_junk(data: bytes, header: Header) -> tuple[bytes, Header] | None:
    """The file without the bytes between its segments and the padding before its end, if any."""
    edges = [0, *(edge for span in header.junk for edge in span), header.scan]
    head = b"".join(data[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))
    end = _end(data, header)
    scans = data[header.scan : end]
    padding = scans[-1:]
    if padding in {b"\0", b"\xff"} and scans.endswith(padding * 2):
        scans = scans.rstrip(padding)
        if scans.endswith(b"\xff"):
            scans += b"\0"  # no marker, but a byte of the picture
    if not header.junk and len(scans) == end - header.scan:
        return None
    return head + scans + data[end:], replace(header, scan=len(head), junk=())


def _end(data: bytes, header: Header) -> int:
    """Offset of the end marker: the first, for another picture may follow."""
    return data.find(_END_MARKER, header.scan)
