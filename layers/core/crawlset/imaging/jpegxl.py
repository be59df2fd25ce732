"""JPEG XL: what a file's boxes say, and `imagecodecs`, which decodes it and need not be there."""

import ctypes
import io
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from types import ModuleType

import numpy as np
from PIL import Image

from crawlset.imaging import xmp
from crawlset.imaging.iso_boxes import boxes
from crawlset.imaging.sniff import MalformedImageError, Probe, TruncatedError

CODESTREAM = b"\xff\x0a"
_PACKED = b"brob"
"""The kind of a box that begins with the kind of another, packed by Brotli behind it."""
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_FRAME = 0x400
"""libjxl's event of a frame that is shown."""
_EARLY_END = "NEED_MORE_INPUT"


class NoDecoderError(Exception):
    """The library that decodes this format is not installed."""


def _installed(name: str) -> ModuleType | None:
    with suppress(ImportError):
        return import_module(f"imagecodecs.{name}")
    return None


LIBRARY, _BROTLI = _installed("_jpegxl"), _installed("_brotli")
"""Imported while files can still be opened."""
_LIBJXL = ctypes.CDLL(LIBRARY.__file__) if LIBRARY is not None else None


def probe(data: bytes, max_pixels: int) -> Probe:
    """A side is coded in bits (ISO/IEC 18181-1, SizeHeader); libjxl finds the frames."""
    start = 0 if data.startswith(CODESTREAM) else _codestream(data)
    bits = _Bits(data[start + 2 : start + 18])
    is_small = bits.take(1)
    height = _side(bits, is_small=is_small)
    ratio = bits.take(3)
    if ratio:
        across, down = _RATIOS[ratio - 1]
        width = height * across // down
    else:
        width = _side(bits, is_small=is_small)
    n_pixels = max(1, width * height)
    if _LIBJXL is None or n_pixels > max_pixels:
        return Probe(width, height)
    return Probe(width, height, max(1, _n_frames(_LIBJXL, data, max_pixels // n_pixels + 1)))


def decode(stream: io.BytesIO) -> Image.Image:
    """The first frame, upright: libjxl turns it."""
    if LIBRARY is None:
        raise NoDecoderError("jxl")
    try:
        pixels: np.ndarray = LIBRARY.jpegxl_decode(stream.getvalue(), 0, numthreads=1)
    except LIBRARY.JpegxlError as error:
        if _EARLY_END in str(error):
            raise TruncatedError(str(error)) from None
        raise
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    elif pixels.dtype != np.uint8:
        pixels = np.rint(np.nan_to_num(pixels).clip(0, 1) * 255).astype(np.uint8)
    return Image.fromarray(pixels)


def parts(data: bytes) -> Iterator[tuple[bytes, bytes | None]]:
    """
    Kind and content of each box of a whole file, unpacked where it was packed.

    Content that cannot be unpacked, or has more than `xmp.MAX_BYTES`, is None.
    """
    for box in boxes(data, 0, len(data)):
        if box.kind == _PACKED:
            yield data[box.start : box.start + 4], _unpacked(data[box.start + 4 : box.stop])
        else:
            yield box.kind, data[box.start : box.stop]


def xmp_packet(data: bytes) -> bytes | None:
    return _first(data, b"xml ")


def exif_block(data: bytes) -> bytes | None:
    """The TIFF block of a file; an offset stands before it."""
    block = _first(data, b"Exif")
    return block and block[4 + int.from_bytes(block[:4]) :]


def _first(data: bytes, kind: bytes) -> bytes | None:
    """The first part of a kind that can be read; a codestream alone has none."""
    if data.startswith(CODESTREAM):
        return None
    return next((body for each, body in parts(data) if each == kind and body), None)


def _unpacked(content: bytes) -> bytes | None:
    if _BROTLI is None:
        return None
    try:
        return bytes(_BROTLI.brotli_decode(content, out=xmp.MAX_BYTES))
    except _BROTLI.BrotliError:
        return None


def _n_frames(libjxl: ctypes.CDLL, data: bytes, most: int) -> int:
    """How many frames are shown, `most` at most; none of them is decoded for that."""
    libjxl.JxlDecoderCreate.restype = ctypes.c_void_p
    decoder = ctypes.c_void_p(libjxl.JxlDecoderCreate(None))
    try:
        libjxl.JxlDecoderSubscribeEvents(decoder, _FRAME)
        libjxl.JxlDecoderSetInput(decoder, data, ctypes.c_size_t(len(data)))
        libjxl.JxlDecoderCloseInput(decoder)
        n_frames = 0
        while n_frames < most and libjxl.JxlDecoderProcessInput(decoder) == _FRAME:
            n_frames += 1
        return n_frames
    finally:
        libjxl.JxlDecoderDestroy(decoder)


def _codestream(data: bytes) -> int:
    """Offset of the codestream, or of its first part, in a file of boxes."""
    before = {b"jxlc": 0, b"jxlp": 4}
    starts = [
        box.start + before[box.kind] for box in boxes(data, 0, len(data)) if box.kind in before
    ]
    if not starts:
        raise TruncatedError("the file ends before its codestream")
    if not data.startswith(CODESTREAM, starts[0]):
        raise MalformedImageError("no codestream")
    return starts[0]


def _side(bits: "_Bits", *, is_small: int) -> int:
    if is_small:
        return (bits.take(5) + 1) * 8
    return bits.take((9, 13, 18, 30)[bits.take(2)]) + 1


class _Bits:
    """Bits of bytes, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._left = int.from_bytes(data, "little")
        self._n_left = 8 * len(data)

    def take(self, n: int) -> int:
        if n > self._n_left:
            raise TruncatedError("the file ends early")
        taken = self._left & (1 << n) - 1
        self._left >>= n
        self._n_left -= n
        return taken
