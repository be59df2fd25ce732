"""
Perceptual hashes of a small grey image, in whole numbers: the same bits on every machine.

A hash is 64 bits, most significant first, as the signed bigint that PostgreSQL stores.
"""

import hashlib
import math
import struct
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from PIL import Image

from crawlset.imaging.lanczos import UNIT, weights
from crawlset.imaging.mosaic import MOST, SIDE
from crawlset.imaging.orientation import Box
from crawlset.imaging.signatures import N_GREY, SQUARE, STEPS_AN_OCTAVE

_SIDE = 32
_LOW = 8
_SCALE = 1 << 16
COSINES = np.array(
    [
        [round(_SCALE * math.cos(math.pi * k * (2 * x + 1) / (2 * _SIDE))) for x in range(_SIDE)]
        for k in range(_LOW)
    ],
    dtype=np.float64,
)
_MIRROR = np.array([1, -1] * (_LOW // 2))
_MARGINS = (0.0, 0.05, 0.1, 1 / 6)
_N_VIEWS = len(_MARGINS) + 1
_GRAIN = 4
"""Steps of a frequency, where one grey level in one pixel of the 32 x 32 is 1; a flat one is 0."""
_TURN = math.radians(5)
_TURN_MARGIN = 0.1
_STEPS = 256
"""Steps from a pixel to the next, of places between them."""
_FINE = 4
"""Steps of a grey level between pixels."""
_BORDER_LEVELS = 8
_FRAME_LEVELS = 24
"""Grey levels between a frame and the picture in it."""
_KEPT_SIZES = 256
_KEPT_RATIOS = 64
_HASHES, _HASH = struct.Struct(">5q"), struct.Struct(">q")
_SIZE = struct.Struct(">2I")


def phashes(grey: np.ndarray, box: Box) -> tuple[int, ...]:
    """
    Perceptual hashes of the part `box` of `grey`.

    `grey` is height x width, whole numbers 0 to 255 as doubles.

    In five views: whole, mirrored left to right, without 5 %, 10 % and a sixth of each side. Of two
    pictures that are copies of one another, flipped, cropped or framed, some pair of views is
    within 10 bits.

    The 8 x 8 lowest frequencies of the DCT-II of the view resized to 32 x 32 (Lanczos), each
    compared with their median (Zauner 2010, section 3.2.2; the bits of `imagehash.phash`). Both
    steps are one matrix a side, of whole numbers so small that their products in doubles are exact.
    Mirroring turns the sign of every odd horizontal frequency, so that view costs no transform; its
    bits are those of the mirrored picture but where a frequency is within rounding of the median.
    """
    height, width = grey.shape
    left, top, right, bottom = box
    down, _ = _frequencies(height, top, bottom)
    _, across = _frequencies(width, left, right)
    halfway = (down @ grey).reshape(-1, _LOW, width)
    spectra = np.empty((_N_VIEWS, _LOW, _LOW))
    np.rint(halfway @ across * (1 / (_GRAIN * _SCALE**2)), out=spectra[1:])
    spectra[0] = spectra[1]
    spectra[1] *= _MIRROR
    return _HASHES.unpack(_bits(spectra))


def turned_phash(signature: bytes) -> int:
    """
    Perceptual hash of a picture turned by 5 degrees, without 10 % of each side, by its signature.

    A copy that somebody turned by some degrees, either way, is as a rule within 10 bits: this view
    of the one, that without 10 % of the other.
    """
    places, parts = turned_places(signature[0])
    grey = np.frombuffer(signature, np.uint8, N_GREY, 1)
    levels = (grey[places] * parts).sum(axis=0)
    whole = _STEPS * _STEPS // _FINE
    view = ((levels + whole // 2) // whole).astype(np.float64).reshape(_SIDE, _SIDE)
    spectrum = np.rint(COSINES @ view @ COSINES.T * (1 / (_FINE * _GRAIN * _SCALE**2)))
    (turned,) = _HASH.unpack(_bits(spectrum[None]))
    return int(turned)


def mosaic(grey: np.ndarray, box: Box) -> list[int]:
    """
    The mean grey of 4 x 4 tiles of the part `box` of `grey` (height, width), row by row.

    From 0, the darkest pixel of all, to 15, the lightest.
    """
    means = Image.fromarray(grey).resize((SIDE, SIDE), Image.Resampling.BOX, box)
    darkest, lightest = int(grey.min()), int(grey.max())
    levels = (np.asarray(means).astype(int) - darkest) * MOST + (lightest - darkest) // 2
    numbers: list[int] = (levels // max(1, lightest - darkest)).clip(0, MOST).ravel().tolist()
    return numbers


def pixel_hash(size: tuple[int, int], pixels: Iterable[bytes | np.ndarray]) -> int:
    """64 bits that are the same for the same `pixels` of a picture of the same `size`."""
    digest = hashlib.sha256(_SIZE.pack(*size))
    for part in pixels:
        digest.update(part)
    return int.from_bytes(digest.digest()[:8], signed=True)


def without_border(pixels: np.ndarray, box: Box) -> Box:
    """
    `box` of the grey `pixels` (height, width) less the rows and columns of one colour around it.

    All of it when nothing would be left, or less than an eighth of a side.
    """
    top, bottom = _margins(pixels)
    if bottom - top < max(2, pixels.shape[0] // 8):
        return box
    left, right = _margins(pixels[top:bottom].T)
    if right - left < max(2, pixels.shape[1] // 8):
        return box
    height, width = pixels.shape
    return (
        max(box[0], left),
        max(box[1], top),
        right if right < width else box[2],
        bottom if bottom < height else box[3],
    )


def without_frame(pixels: np.ndarray, box: Box, inner: Box) -> Box:
    """
    `inner`, what `without_border` leaves of `box`, less the border that it has inside a frame.

    So what is left of a picture with even edges, such as a night sky, is the same if somebody put
    a frame around it. A frame is on two sides or more, and ends at once.
    """
    is_cut = [side != whole for side, whole in zip(inner, box, strict=True)]
    if sum(is_cut) < 2:  # noqa: PLR2004 - no frame
        return inner
    left, top = math.ceil(inner[0]) + is_cut[0], math.ceil(inner[1]) + is_cut[1]
    right, bottom = math.floor(inner[2]) - is_cut[2], math.floor(inner[3]) - is_cut[3]
    inside = pixels[top:bottom, left:right]
    if not inside.size:
        return inner
    outer = (
        pixels[top:bottom, 0],
        pixels[0, left:right],
        pixels[top:bottom, -1],
        pixels[-1, left:right],
    )
    edges = inside[:, 0], inside[0], inside[:, -1], inside[-1]
    steps = [abs(one.mean() - other.mean()) for one, other in zip(outer, edges, strict=True)]
    if min(step for step, cut in zip(steps, is_cut, strict=True) if cut) < _FRAME_LEVELS:
        return inner
    whole = (0.0, 0.0, float(right - left), float(bottom - top))
    again = without_border(inside, whole)
    sides = zip(again, whole, inner, (left, top, left, top), strict=True)
    first, second, third, fourth = (
        old if side == edge else at + side for side, edge, old, at in sides
    )
    return first, second, third, fourth


@lru_cache(_KEPT_RATIOS)
def turned_places(ratio: int) -> tuple[np.ndarray, np.ndarray]:
    """The four pixels that each of the turned view lies between, and `_STEPS` squared in parts."""
    factor = 2 ** ((ratio - SQUARE) / STEPS_AN_OCTAVE)
    centres = ((np.arange(_SIDE) + 0.5) / _SIDE * 2 - 1) * (1 - 2 * _TURN_MARGIN)
    y, x = np.meshgrid(centres, centres, indexing="ij")
    across = x * math.cos(_TURN) - y * math.sin(_TURN) / factor
    down = y * math.cos(_TURN) + x * math.sin(_TURN) * factor
    steps = [
        np.rint(((place + 1) * (_SIDE / 2) - 0.5) * _STEPS).astype(np.int64).ravel()
        for place in (across, down)
    ]
    (column, to_right), (row, to_bottom) = (
        np.divmod(np.clip(step, 0, (_SIDE - 1) * _STEPS - 1), _STEPS) for step in steps
    )
    place = row * _SIDE + column
    to_left, to_top = _STEPS - to_right, _STEPS - to_bottom
    return (
        np.stack([place, place + 1, place + _SIDE, place + _SIDE + 1]),
        np.stack([to_top * to_left, to_top * to_right, to_bottom * to_left, to_bottom * to_right]),
    )


def _bits(spectra: np.ndarray) -> bytes:
    """Whether each frequency of each of the `spectra` is above their median, as bits."""
    views = spectra.reshape(len(spectra), _LOW * _LOW)
    middles = np.sort(views)[:, 31:33].sum(axis=1, keepdims=True)
    return np.packbits(2 * views > middles, axis=1).tobytes()


@lru_cache(_KEPT_SIZES)
def _frequencies(n: int, start: float, stop: float) -> tuple[np.ndarray, np.ndarray]:
    """What takes `n` pixels to 8 frequencies: (views x 8) x n, and views x n x 8."""
    margins = [margin * (stop - start) for margin in _MARGINS]
    resized = weights(n, [(start + margin, stop - margin) for margin in margins], _SIDE)
    lowest = np.rint(COSINES @ resized * (1 / UNIT))
    return lowest.reshape(-1, n), np.ascontiguousarray(lowest.swapaxes(1, 2))


def _margins(pixels: np.ndarray) -> tuple[int, int]:
    """First row that is not of the colour of the rows above it, and one past the last such."""
    if not _may_be_uniform(pixels[0]) and not _may_be_uniform(pixels[-1]):
        return 0, len(pixels)
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    return _run(low, high), len(low) - _run(low[::-1], high[::-1])


def _may_be_uniform(row: np.ndarray) -> bool:
    some = row[:: len(row) // 8 or 1].tolist()
    return bool(max(some) - min(some) <= _BORDER_LEVELS)


def _run(low: np.ndarray, high: np.ndarray) -> int:
    """How many rows from the first on lie, together, within `_BORDER_LEVELS` grey levels."""
    if int(high[0]) - int(low[0]) > _BORDER_LEVELS:
        return 0
    lowest, highest = np.minimum.accumulate(low), np.maximum.accumulate(high)
    within = highest - lowest <= _BORDER_LEVELS
    return len(low) if within.all() else int(within.argmin())
