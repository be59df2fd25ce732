"""
What can be told of a picture's light and detail from one small grey image of it.

Measures, not verdicts: rules put their thresholds on them. They follow cleanvision's issue types
(dark, light, low information, blurry) on luma, at a size of 64 to 127 pixels of the short side
whatever the picture's own is, so that they compare between pictures.
"""

import math
from functools import lru_cache

import numpy as np
from PIL import Image

from crawlset.imaging.colours import packed
from crawlset.imaging.samples import every_other, grey_image

_UNIFORM_LEVELS = 16
_BLUR_SIDE = 64
_WIDE = 0.18
_ALMOST = 1e-6
_RANKS = np.array([0.01, 0.05, 0.5, 0.95, 0.99])
_N_LEVELS = 256
_POWERS = np.stack([np.arange(_N_LEVELS), np.arange(_N_LEVELS) ** 2]).astype(np.float64)
"""Each grey level, and its square."""
_KEPT_SIZES = 256
_MOST = 127


def scores(pixels: np.ndarray) -> dict[str, float]:
    """
    Scores of the grey `pixels` (height, width), each with four decimals.

    `brightness_p1`, `_p5`, `_p50`, `_p95`, `_p99`, `brightness_mean`: 0 black to 1 white.
    `contrast`: standard deviation of brightness, 0 to 0.5. `entropy`: bits, 0 to 8.
    `sharpness`: standard deviation of the Laplacian, 0 to 4.
    `uniformity`: the largest share of pixels within 16 grey levels; a placeholder nears 1.
    """
    counts = _counts(pixels)
    sums = counts.cumsum()
    n = pixels.size
    p1, p5, p50, p95, p99 = (sums.searchsorted(_RANKS * n) / 255).tolist()
    total, squares = (_POWERS @ counts).tolist()
    deviation = _deviation(total, squares, n)
    shares = counts[counts > 0] / n
    window = sums[_UNIFORM_LEVELS - 1 :].copy()
    window[1:] -= sums[:-_UNIFORM_LEVELS]
    measured = {
        "brightness_p1": p1,
        "brightness_p5": p5,
        "brightness_p50": p50,
        "brightness_p95": p95,
        "brightness_p99": p99,
        "brightness_mean": total / n / 255,
        "contrast": deviation / 255,
        "entropy": -float(shares @ np.log2(shares)),
        "sharpness": _laplacian(pixels) / 255,
        "uniformity": float(window.max()) / n,
    }
    return {name: round(value, 4) + 0.0 for name, value in measured.items()}


def blur(pixels: np.ndarray, box: tuple[float, float, float, float], longest: int) -> float:
    """
    Cleanvision's blurry score of the part `box` of grey `pixels`: 0 blurred to 1, four decimals.

    `longest` is the longer side of the picture in its file, which is brought to 64 pixels unless
    it is shorter. The spread of edges, and of the histogram where it is wide.
    """
    width, height = box[2] - box[0], box[3] - box[1]
    ratio = max(width, height) / min(_BLUR_SIDE, longest)
    size = max(int(width / ratio + _ALMOST), 1), max(int(height / ratio + _ALMOST), 1)
    resized = grey_image(pixels).resize(size, Image.Resampling.BICUBIC, box)
    small = np.asarray(resized)
    counts = _counts(small)
    spread = _deviation(small.size, float(counts @ counts), _N_LEVELS)
    wide = 1 - math.exp(-0.01 * spread)
    edges = _edges(small).ravel().astype(np.float64)
    sharp = _deviation(float(edges.sum()), float(edges @ edges), edges.size)
    score = 1 - math.exp(-0.01 * sharp) + (wide if wide > _WIDE else 0.0)
    return round(min(1.0, score), 4)


def colours(chroma: np.ndarray | None) -> tuple[float, int]:
    """
    How far from grey a picture is, and its colours as `colours.packed` has them.

    The distance of the 99th percentile of the pixels: 0 grey, 0.5 as far as can be. `chroma` is Cb
    and Cr (height, width, 2), each 0 to 255; none of a picture of one channel.
    """
    if chroma is None:
        return 0.0, 0
    off = every_other(chroma).astype(np.int16)
    off -= 128
    both = (off * off).view(np.int32)[:, :, 0]
    sums = (both & 0xFFFF) + (both >> 16)
    return _strongest(sums), packed(_quarters(off, sums))


def _strongest(squares: np.ndarray) -> float:
    flat = squares.ravel()
    place = int(0.99 * (len(flat) - 1))
    return round(math.sqrt(int(np.partition(flat, place)[place])) / 256, 4)


def _quarters(off: np.ndarray, squares: np.ndarray) -> list[int]:
    """Cb and Cr of the four quarters, each pixel weighed by the square of its distance to grey."""
    height, width = squares.shape
    weighed = np.empty((3, height, width))
    weighed[:2] = off.transpose(2, 0, 1)
    weighed[2] = squares
    weighed[:2] *= weighed[2]
    blue, red, weights = (_halves(height) @ weighed @ _halves(width).T).reshape(3, 4).tolist()
    return [
        max(-_MOST, min(_MOST, round(total / weight))) if weight else 0
        for *both, weight in zip(blue, red, weights, strict=True)
        for total in both
    ]


@lru_cache(_KEPT_SIZES)
def _halves(n: int) -> np.ndarray:
    """2 x `n` ones and zeros: which of `n` pixels in a row are of its first half, or second."""
    is_first = np.arange(n) < n / 2
    return np.stack([is_first, ~is_first]).astype(np.float64)


def _counts(pixels: np.ndarray) -> np.ndarray:
    """How many of grey `pixels` are of each level, as doubles."""
    return np.bincount(pixels.ravel(), minlength=_N_LEVELS).astype(np.float64)


def _edges(pixels: np.ndarray) -> np.ndarray:
    """
    What Pillow's `FIND_EDGES` makes of grey `pixels`, in a third of its time.

    Eight times each pixel less its neighbours, from 0 to 255; the outermost are left as they are.
    """
    lines = pixels.astype(np.int16)
    if min(lines.shape) < 3:  # noqa: PLR2004, no pixel has eight neighbours
        return lines
    # All rows in one run, across their ends; what that makes of the outermost is undone.
    sums = lines[:-2] + lines[1:-1]
    sums += lines[2:]
    row = sums.ravel()
    inner = lines[1:-1]
    outermost = inner[:, :: inner.shape[1] - 1].copy()
    flat = inner.reshape(-1)[1:-1]
    flat *= 9
    flat -= row[:-2]
    flat -= row[1:-1]
    flat -= row[2:]
    np.maximum(flat, 0, out=flat)
    np.minimum(flat, 255, out=flat)
    inner[:, :: inner.shape[1] - 1] = outermost
    return lines


def _deviation(total: float, squares: float, n: int) -> float:
    """Standard deviation of `n` numbers with this sum, and this sum of their squares."""
    mean = total / n
    return math.sqrt(max(0.0, squares / n - mean * mean))


def _laplacian(pixels: np.ndarray) -> float:
    """Standard deviation of each inner pixel's difference to its four neighbours, summed."""
    if min(pixels.shape) < 3:  # noqa: PLR2004, no pixel has four neighbours
        return 0.0
    height, width = pixels.shape
    line = pixels.astype(np.int16).ravel()
    differences = 4 * line[width:-width]
    differences -= line[: -2 * width]
    differences -= line[2 * width :]
    differences -= line[width - 1 : -width - 1]
    differences -= line[width + 1 : width + 1 + len(differences)]
    edges = differences.reshape(-1, width)[:, :: width - 1]
    edges[:] = 0
    flat = differences.astype(np.float32)
    return _deviation(float(flat.sum()), float(flat @ flat), (height - 2) * (width - 2))
