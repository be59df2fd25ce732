"""Lanczos resampling as matrices of whole numbers, which are the same on every machine."""

import math

import numpy as np

UNIT = 1 << 20
"""What the weights of one new pixel add up to, but for rounding."""
_LOBES = 3
_STEPS = 1024


def _kernel(x: float) -> float:
    if x == 0:
        return 1.0
    x *= math.pi
    return _LOBES * math.sin(x) * math.sin(x / _LOBES) / (x * x)


TABLE = np.array([*(round(UNIT * _kernel(step / _STEPS)) for step in range(_LOBES * _STEPS)), 0.0])


def weights(n: int, spans: list[tuple[float, float]], n_new: int) -> np.ndarray:
    """
    Spans x `n_new` x `n`: the share that each of `n` pixels in a row has in `n_new` over a span.

    A span is where in the row it starts and stops. Shares are those of Pillow's `resize` with a
    `box`, but that nothing outside of the box shines in.
    """
    starts, stops = np.array(spans).T[:, :, None]
    scales = (stops - starts) / n_new
    widths = np.maximum(scales, 1.0)
    centres = (starts + (np.arange(n_new) + 0.5) * scales).reshape(-1, 1)
    widths = np.repeat(widths, n_new)[:, None]
    n_taps = math.ceil(2 * _LOBES * float(widths.max())) + 1
    taps = np.ceil(centres - _LOBES * widths - 0.5) + np.arange(n_taps)
    steps = np.abs(taps + (0.5 - centres)) * (_STEPS / widths) + 0.5
    shares = TABLE[np.minimum(steps, _LOBES * _STEPS).astype(np.intp)]
    firsts = np.repeat(np.floor(starts), n_new)[:, None]
    lasts = np.repeat(np.ceil(stops), n_new)[:, None]
    shares *= (taps >= firsts) & (taps < np.minimum(lasts, n))
    shares = np.rint(shares * (UNIT / shares.sum(axis=1, keepdims=True)))
    rows = np.arange(len(shares))[:, None]
    matrix = np.zeros((len(shares), n + 2 * n_taps))
    matrix[rows, taps.astype(np.intp) + n_taps] = shares
    return matrix[:, n_taps:-n_taps].reshape(len(spans), n_new, n)
