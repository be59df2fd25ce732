"""
Scaling down by area, as products of small matrices of whole numbers: the same on every machine.

Each new pixel is the mean of the area that it covers, as of OpenCV's `INTER_AREA`, within one grey
level.
"""

import math
from functools import lru_cache

import numpy as np

Side = tuple[float, float, int]
"""Where in a row of pixels the picture starts and stops, and how many pixels are wanted of it."""

_UNIT = 256
"""
What the weights of one new pixel add up to.

Two weights times a pixel then take 24 bits, and single precision adds them up without rounding, in
whatever order a BLAS goes.
"""
_BLOCK = 16
"""New pixels of one product: less means more calls, more means more weights that are zero."""
_KEPT_SIDES = 512

Block = tuple[slice, slice, np.ndarray]


def shrink(planes: np.ndarray, across: Side, down: Side) -> np.ndarray:
    """
    Planes (n, height, width) of bytes, scaled to what `across` and `down` want.

    Where a side starts before the first pixel or stops after the last, that pixel goes on.
    """
    n, height, width = planes.shape
    halfway = np.empty((n, down[2], width), np.float32)
    blocks = _blocks(height, *down)
    strip = np.empty((n, max(weights.shape[1] for _, _, weights in blocks), width), np.float32)
    for new, old, weights in blocks:
        rows = strip[:, : weights.shape[1]]
        rows[...] = planes[:, old]
        np.matmul(weights, rows, out=halfway[:, new])
    scaled = np.empty((n, down[2], across[2]), np.float32)
    for new, old, weights in _blocks(width, *across):
        np.matmul(halfway[:, :, old], weights.T, out=scaled[:, :, new])
    scaled += np.float32(0.5)
    return scaled.astype(np.uint8)


@lru_cache(_KEPT_SIDES)
def _blocks(n: int, start: float, stop: float, n_new: int) -> tuple[Block, ...]:
    """Which new pixels, of which of the `n` old ones, with which weights (new x old)."""
    scale = (stop - start) / n_new
    starts = start + scale * np.arange(-(-n_new // _BLOCK) * _BLOCK).reshape(-1, _BLOCK, 1)
    firsts = np.floor(starts[:, 0]).clip(0, n - 1).astype(np.intp)
    n_old = math.ceil(_BLOCK * scale) + 1
    edges = firsts[:, :, None] + np.arange(n_old + 1)
    covered = ((edges - starts) / scale).clip(0, 1)
    covered[np.broadcast_to(edges <= 0, covered.shape)] = 0
    covered[np.broadcast_to(edges >= n, covered.shape)] = 1
    weights = np.diff(np.rint(_UNIT * covered)) / _UNIT
    return tuple(
        (
            slice(at * _BLOCK, min((at + 1) * _BLOCK, n_new)),
            slice(first, min(first + n_old, n)),
            block[: n_new - at * _BLOCK, : n - first].astype(np.float32),
        )
        for at, (first, block) in enumerate(zip(firsts[:, 0].tolist(), weights, strict=True))
    )
