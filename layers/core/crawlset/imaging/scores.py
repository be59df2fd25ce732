"""
What can be told of a picture's light and detail from one small grey image of it.

Measures, not verdicts: rules put their thresholds on them. They follow cleanvision's issue types
(dark, light, low information, blurry) on luma, at a size of 64 to 127 pixels of the short side
whatever the picture's own is, so that they compare between pictures.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image

from crawlset.imaging.colours import packed
from crawlset.imaging.orientation import Box
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


class Levels(NamedTuple):
    """What the scores of a picture are made of."""

    n_pixels: int
    ranks: list[int]
    """The levels that a hundredth, a twentieth, a half, … of the pixels do not pass."""
    total: int
    squares: int
    """Sums of all pixels, and of their squares."""
    shares: np.ndarray
    """Parts of the pixels at each level that there is."""
    window: int
    """Pixels of the most frequent 16 levels in a row."""
    n_inner: int
    """Pixels that have four neighbours."""
    differences: int
    difference_squares: int
    """Sums of the Laplacian of these, and of its squares."""


class Edges(NamedTuple):
    """What `blur` is made of."""

    n_pixels: int
    count_squares: int
    """Sum over the levels: how many pixels have it, squared."""
    total: int
    squares: int
    """Sums of the edges of all pixels, and of their squares."""


class Hues(NamedTuple):
    """What `colours` are made of."""

    strongest: int
    """Squared distance from grey of the 99th percentile of the pixels."""
    weights: list[int]
    blue: list[int]
    red: list[int]
    """Sums over each of four quarters: the squared distances, and Cb and Cr weighed by them."""


def scores(pixels: np.ndarray) -> dict[str, float]:
    """
    Scores of the grey `pixels` (height, width), each with four decimals.

    `brightness_p1`, `_p5`, `_p50`, `_p95`, `_p99`, `brightness_mean`: 0 black to 1 white.
    `contrast`: standard deviation of brightness, 0 to 0.5. `entropy`: bits, 0 to 8.
    `sharpness`: standard deviation of the Laplacian, 0 to 4.
    `uniformity`: the largest share of pixels within 16 grey levels; a placeholder nears 1.
    """
    return scores_of(_levels(pixels))


def scores_of(levels: Levels) -> dict[str, float]:
    n = levels.n_pixels
    p1, p5, p50, p95, p99 = (level / 255 for level in levels.ranks)
    deviation = _deviation(levels.total, levels.squares, n)
    entropy = -float(levels.shares @ np.log2(levels.shares))
    laplacian = 0.0
    if levels.n_inner:
        laplacian = _deviation(levels.differences, levels.difference_squares, levels.n_inner)
    return {
        "brightness_p1": round(p1, 4),
        "brightness_p5": round(p5, 4),
        "brightness_p50": round(p50, 4),
        "brightness_p95": round(p95, 4),
        "brightness_p99": round(p99, 4),
        "brightness_mean": round(levels.total / n / 255, 4),
        "contrast": round(deviation / 255, 4),
        "entropy": round(entropy, 4) + 0.0,
        "sharpness": round(laplacian / 255, 4),
        "uniformity": round(levels.window / n, 4),
    }


def blur(pixels: np.ndarray, box: Box, longest: int) -> float:
    """
    Cleanvision's blurry score of the part `box` of grey `pixels`: 0 blurred to 1, four decimals.

    `longest` is the longer side of the picture in its file, which is brought to 64 pixels unless
    it is shorter. The spread of edges, and of the histogram where it is wide.
    """
    resized = grey_image(pixels).resize(blur_size(box, longest), Image.Resampling.BICUBIC, box)
    small = np.asarray(resized)
    counts = _counts(small)
    edges = _edges(small).ravel().astype(np.float64)
    return blur_of(
        Edges(small.size, int(counts @ counts), int(edges.sum()), int(edges @ edges)),
    )


def blur_size(box: Box, longest: int) -> tuple[int, int]:
    """Width and height at which blur is judged."""
    width, height = box[2] - box[0], box[3] - box[1]
    ratio = max(width, height) / min(_BLUR_SIDE, longest)
    return max(int(width / ratio + _ALMOST), 1), max(int(height / ratio + _ALMOST), 1)


def blur_of(edges: Edges) -> float:
    spread = _deviation(edges.n_pixels, edges.count_squares, _N_LEVELS)
    wide = 1 - math.exp(-0.01 * spread)
    sharp = _deviation(edges.total, edges.squares, edges.n_pixels)
    score = 1 - math.exp(-0.01 * sharp) + (wide if wide > _WIDE else 0.0)
    return round(min(1.0, score), 4)


def colours(chroma: np.ndarray | None) -> tuple[float, int]:
    """
    How far from grey a picture is, and its colours as `colours.packed` has them.

    The distance of the 99th percentile of the pixels: 0 grey, 0.5 as far as can be. `chroma` is Cb
    and Cr (height, width, 2), each 0 to 255; none of a picture of one channel.
    """
    return colours_of(None if chroma is None else _hues(chroma))


def colours_of(hues: Hues | None) -> tuple[float, int]:
    if hues is None:
        return 0.0, 0
    quarters = [
        max(-_MOST, min(_MOST, round(total / weight))) if weight else 0
        for *both, weight in zip(hues.blue, hues.red, hues.weights, strict=True)
        for total in both
    ]
    return round(math.sqrt(hues.strongest) / 256, 4), packed(quarters)


def _levels(pixels: np.ndarray) -> Levels:
    counts = _counts(pixels)
    sums = counts.cumsum()
    n = pixels.size
    total, squares = (_POWERS @ counts).astype(np.int64).tolist()
    window = sums[_UNIFORM_LEVELS - 1 :].copy()
    window[1:] -= sums[:-_UNIFORM_LEVELS]
    return Levels(
        n,
        sums.searchsorted(_RANKS * n).tolist(),
        total,
        squares,
        counts[counts > 0] / n,
        int(window.max()),
        *_laplacian(pixels),
    )


def _hues(chroma: np.ndarray) -> Hues:
    off = every_other(chroma).astype(np.int16)
    off -= 128
    both = (off * off).view(np.int32)[:, :, 0]
    squares = (both & 0xFFFF) + (both >> 16)
    flat = squares.ravel()
    place = int(0.99 * (len(flat) - 1))
    height, width = squares.shape
    weighed = np.empty((3, height, width))
    weighed[0] = squares
    weighed[1:] = off.transpose(2, 0, 1)
    weighed[1:] *= weighed[0]
    quarters = _halves(height) @ weighed @ _halves(width).T
    weights, blue, red = quarters.astype(np.int64).reshape(3, 4).tolist()
    return Hues(int(np.partition(flat, place)[place]), weights, blue, red)


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


def _deviation(total: int, squares: int, n: int) -> float:
    """Standard deviation of `n` numbers with this sum, and this sum of their squares."""
    mean = total / n
    return math.sqrt(max(0.0, squares / n - mean * mean))


def _laplacian(pixels: np.ndarray) -> tuple[int, int, int]:
    """
    How many pixels have four neighbours; and the sum of their differences to them, and of squares.

    Exact, so that it is the same in whatever order it is added up.
    """
    height, width = pixels.shape
    if min(height, width) < 3:  # noqa: PLR2004, no pixel has four neighbours
        return 0, 0, 0
    line = pixels.astype(np.int16).ravel()
    differences = 4 * line[width:-width]
    differences -= line[: -2 * width]
    differences -= line[2 * width :]
    differences -= line[width - 1 : -width - 1]
    differences -= line[width + 1 : width + 1 + len(differences)]
    edges = differences.reshape(-1, width)[:, :: width - 1]
    edges[:] = 0
    flat = differences.astype(np.float64)
    return (height - 2) * (width - 2), int(flat.sum()), int(np.einsum("i,i", flat, flat))
