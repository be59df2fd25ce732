"""Perceptual hashes of a small grey image, in whole numbers: the same bits on every machine."""

import math
import struct
from collections.abc import Iterable
from operator import mul
from statistics import median

from PIL import Image

Box = tuple[float, float, float, float]

_SIDE = 32
_LOW = 8
_SCALE = 1 << 12
_LANES = struct.Struct(f"<{_LOW}Q")


def _lanes(values: Iterable[int]) -> int:
    """Eight numbers side by side in one, 64 bits each: a product with it is eight products."""
    return sum(value << (64 * lane) for lane, value in enumerate(values))


_BIAS = 1 << 56
"""Keeps every lane positive; both passes together stay under 2**43."""
_BIASES = _lanes([_BIAS] * _LOW)
_COSINES = tuple(
    _lanes(round(_SCALE * math.cos(math.pi * k * (2 * x + 1) / (2 * _SIDE))) for k in range(_LOW))
    for x in range(_SIDE)
)


def phash(grey: Image.Image, box: Box | None = None) -> int:
    """
    64-bit perceptual hash of `grey` (mode L), or of its part `box`, most significant bit first.

    The 8 x 8 lowest frequencies of the DCT-II of the picture resized to 32 x 32 (Lanczos), each
    compared with their median (Zauner 2010, section 3.2.2; the bits of `imagehash.phash`). Two
    hashes within 10 bits are near-duplicates.
    """
    pixels = grey.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS, box).tobytes()
    rows = [_low_frequencies(pixels[at : at + _SIDE]) for at in range(0, len(pixels), _SIDE)]
    columns = [_low_frequencies(column) for column in zip(*rows, strict=True)]
    lowest = [value for row in zip(*columns, strict=True) for value in row]
    middle = median(lowest)
    return _bits(value > middle for value in lowest)


def dhash(grey: Image.Image, box: Box | None = None) -> int:
    """
    64-bit difference hash of `grey` (mode L), or of its part `box`, most significant bit first.

    Each pixel of the picture resized to 9 x 8 (Lanczos) against its left neighbour (Krawetz 2013;
    the bits of `imagehash.dhash`).
    """
    pixels = grey.resize((_LOW + 1, _LOW), Image.Resampling.LANCZOS, box).tobytes()
    starts = range(0, len(pixels), _LOW + 1)
    return _bits(pixels[at + 1] > pixels[at] for row in starts for at in range(row, row + _LOW))


def signed(bits: int) -> int:
    """A 64-bit hash as the bigint that PostgreSQL stores."""
    return bits - (1 << 64) if bits >> 63 else bits


def _low_frequencies(values: Iterable[int]) -> list[int]:
    """The first eight coefficients of the DCT-II of 32 numbers, times `_SCALE`."""
    sums = sum(map(mul, _COSINES, values), _BIASES)
    return [lane - _BIAS for lane in _LANES.unpack(sums.to_bytes(_LANES.size, "little"))]


def _bits(claims: Iterable[bool]) -> int:
    bits = 0
    for claim in claims:
        bits = bits << 1 | claim
    return bits
