"""
Decides whether two pictures whose perceptual hashes are near are copies of one another.

A signature is a small picture, taken when the image is fetched: 32 x 32 pixels of grey and 8 x 8 of
Cb and Cr. Two signatures are laid on each other, mirrored or not, shifted, scaled and turned as
fits best; then their edges must agree. Hashes of 64 bits tell the large shapes only, which a horse
on a meadow shares with every other horse on a meadow; edges tell them apart.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from crawlset.imaging.orientation import Box

SIDE = 32
CHROMA_SIDE = 8
SIGNATURE_BYTES = SIDE * SIDE + 2 * CHROMA_SIDE * CHROMA_SIDE
LEAST_AGREEMENT = 0.94
"""Correlation of the edges from which on two pictures are copies."""
LEAST_CERTAINTY = 20.0
"""Fisher's z of that correlation in units of its deviation: a small spot on a plain ground has few
edges, which agree by chance."""
PAIRS_AT_ONCE = 512
_STEPS, _FINE_STEPS = 12, 4
_HALF = SIDE // 2
_NEUTRAL = 128
_VIEWS = (0.0, 0.05, 0.1)
_STARTS = ((0, 0), (0, 1), (1, 0), (0, 2), (2, 0))
"""Views of one picture and the other that are held against each other first."""
_HOPELESS = 0.3
_LEAST_COARSE = 0.6
_LEAST_OVERLAP = 0.4


def signature_of(grey: np.ndarray, chroma: np.ndarray | None, box: Box) -> bytes:
    """
    Signature of the part `box` of a picture: `SIGNATURE_BYTES` bytes, never all zero.

    `grey` is height x width, `chroma` is Cb and Cr, height x width x 2, or None of a grey picture;
    both uint8.
    """
    small = Image.fromarray(grey).resize((SIDE, SIDE), Image.Resampling.BILINEAR, box)
    size = CHROMA_SIDE, CHROMA_SIDE
    if chroma is None:
        return small.tobytes() + bytes([_NEUTRAL]) * (2 * CHROMA_SIDE * CHROMA_SIDE)
    planes = (Image.fromarray(np.ascontiguousarray(chroma[:, :, plane])) for plane in (0, 1))
    hues = (plane.resize(size, Image.Resampling.BOX, box).tobytes() for plane in planes)
    return small.tobytes() + b"".join(hues)


def known(signatures: np.ndarray) -> np.ndarray:
    """Which rows of `signatures` (n x SIGNATURE_BYTES) are signatures: others are all zero."""
    are_known: np.ndarray = signatures.any(axis=1)
    return are_known


def agree(signatures: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """
    Whether each of `pairs` (m x 2, places in `signatures`) is two copies of one picture; m bool.

    `signatures` are n x SIGNATURE_BYTES, uint8. A pair with an unknown one agrees in nothing.
    """
    agreeing = np.zeros(len(pairs), dtype=bool)
    for part in _parts(len(pairs)):
        agreeing[part] = _agree(signatures[pairs[part, 0]], signatures[pairs[part, 1]])
    return agreeing


def _parts(n: int) -> Iterator[slice]:
    return (slice(start, start + PAIRS_AT_ONCE) for start in range(0, n, PAIRS_AT_ONCE))


def _agree(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    agreeing = known(one) & known(other)
    mine, theirs = _grey(one), _grey(other)
    correlation, is_mirrored, scale = _best_start(mine, theirs)
    rest = np.flatnonzero(agreeing & (correlation >= _HOPELESS))
    agreeing[:] = False
    if not len(rest):
        return agreeing
    mine, theirs, is_mirrored = mine[rest], theirs[rest], is_mirrored[rest]
    theirs[is_mirrored] = theirs[is_mirrored, :, ::-1]
    warp = np.zeros((len(rest), 6), dtype=np.float32)
    warp[:, 1] = warp[:, 5] = scale[rest]
    warp, coarse = _aligned(_blurred(_halved(mine)), _blurred(_halved(theirs)), warp, _STEPS)
    hopeful = coarse >= _LEAST_COARSE
    mine, theirs, warp, rest = mine[hopeful], theirs[hopeful], warp[hopeful], rest[hopeful]
    if not len(rest):
        return agreeing
    mine, theirs = _blurred(mine), _blurred(theirs)
    warp, _ = _aligned(mine, theirs, warp, _FINE_STEPS)
    correlation, n_edges = _edges_agree(mine, theirs, warp)
    certainty = np.arctanh(np.minimum(correlation, 1 - 1e-6)) * np.sqrt(n_edges)
    agreeing[rest] = (correlation >= LEAST_AGREEMENT) & (certainty >= LEAST_CERTAINTY)
    return agreeing


def _grey(signatures: np.ndarray) -> np.ndarray:
    return signatures[:, : SIDE * SIDE].reshape(-1, SIDE, SIDE).astype(np.float32)


def _best_start(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Correlation of the views that are most alike, whether mirrored, and the scale of these."""
    mine, theirs = ([_view(greys, margin) for margin in _VIEWS] for greys in (one, other))
    correlations, scales = [], []
    for mirrored in (False, True):
        for first, second in _STARTS:
            view = theirs[second][:, :, ::-1] if mirrored else theirs[second]
            correlations.append((mine[first] * view).sum(axis=(1, 2)))
            scales.append((1 - 2 * _VIEWS[second]) / (1 - 2 * _VIEWS[first]))
    table = np.array(correlations)
    best = table.argmax(axis=0)
    scale = np.array(scales, dtype=np.float32)[best]
    return table.max(axis=0), best >= len(_STARTS), scale


def _view(greys: np.ndarray, margin: float) -> np.ndarray:
    """Without `margin` of each side, at half the size, with mean 0 and length 1."""
    matrix = _averaging(margin)
    view = matrix @ greys @ matrix.T
    view -= view.mean(axis=(1, 2), keepdims=True)
    length = np.sqrt((view * view).sum(axis=(1, 2), keepdims=True))
    return view / np.maximum(length, 1e-6)


def _averaging(margin: float) -> np.ndarray:
    """What takes `SIDE` pixels, less `margin` of each side, to half as many."""
    edges = np.linspace(margin, 1 - margin, _HALF + 1)[:, None] * SIDE
    pixels = np.arange(SIDE)
    covered = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    covered = np.maximum(covered, 0)
    return (covered / covered.sum(axis=1, keepdims=True)).astype(np.float32)


def _halved(greys: np.ndarray) -> np.ndarray:
    halved: np.ndarray = greys.reshape(-1, _HALF, 2, _HALF, 2).mean(axis=(2, 4))
    return halved


def _blurred(greys: np.ndarray) -> np.ndarray:
    """Each pixel and its neighbours, weighed 1 2 1."""
    wide = np.pad(greys, ((0, 0), (1, 1), (1, 1)), mode="edge")
    lines = (wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]) / 4
    blurred: np.ndarray = (lines[:, :, :-2] + 2 * lines[:, :, 1:-1] + lines[:, :, 2:]) / 4
    return blurred


def _grid(side: int) -> tuple[np.ndarray, np.ndarray]:
    """X and y of the pixels of a picture that goes from -1 to 1."""
    centres = ((np.arange(side) + 0.5) / side * 2 - 1).astype(np.float32)
    y, x = np.meshgrid(centres, centres, indexing="ij")
    return x.ravel(), y.ravel()


def _warped(warp: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (
        warp[:, 0:1] + warp[:, 1:2] * x + warp[:, 2:3] * y,
        warp[:, 3:4] + warp[:, 4:5] * x + warp[:, 5:6] * y,
    )


def _sampled(greys: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Grey at the places `x`, `y` (pictures x places), bilinear; beyond the edge as on it."""
    n, side, _ = greys.shape
    column = np.clip((x + 1) * (side / 2) - 0.5, 0, side - 1.001)
    row = np.clip((y + 1) * (side / 2) - 0.5, 0, side - 1.001)
    left, top = column.astype(np.int32), row.astype(np.int32)
    column -= left
    row -= top
    flat = greys.reshape(-1)
    place = (np.arange(n, dtype=np.int32) * (side * side))[:, None] + top * side + left
    upper = flat[place]
    upper += (flat[place + 1] - upper) * column
    lower = flat[place + side]
    lower += (flat[place + side + 1] - lower) * column
    sampled: np.ndarray = upper + (lower - upper) * row
    return sampled


def _aligned(
    one: np.ndarray, other: np.ndarray, warp: np.ndarray, n_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """
    The affine map of places in `one` to places in `other` that makes them most alike.

    From `warp` on, by Gauss and Newton's method, light and contrast free (Baker and Matthews 2004,
    "Lucas-Kanade 20 years on", forwards additive). Gives the best map met and its correlation.
    """
    n, side, _ = one.shape
    x, y = _grid(side)
    mine = one.reshape(n, -1)
    warp, best = warp.copy(), warp.copy()
    highest = np.full(n, -2, dtype=np.float32)
    step = np.float32(1 / side)
    for turn in range(n_steps + 1):
        across, down = _warped(warp, x, y)
        inside = ((np.abs(across) <= 1) & (np.abs(down) <= 1)).astype(np.float32)
        theirs = _sampled(other, across, down)
        n_inside = inside.sum(axis=1, keepdims=True) + 1e-6
        centred = mine - (mine * inside).sum(axis=1, keepdims=True) / n_inside
        opposite = theirs - (theirs * inside).sum(axis=1, keepdims=True) / n_inside
        spread = np.sqrt((centred**2 * inside).sum(axis=1, keepdims=True) / n_inside) + 1e-3
        extent = np.sqrt((opposite**2 * inside).sum(axis=1, keepdims=True) / n_inside) + 1e-3
        alike = (centred * opposite * inside).mean(axis=1) / (
            spread * extent * n_inside / mine.shape[1]
        ).ravel()
        alike[inside.mean(axis=1) < _LEAST_OVERLAP] = -2
        better = alike > highest
        highest[better], best[better] = alike[better], warp[better]
        if turn == n_steps:
            break
        slope_x = (
            _sampled(other, across + step, down) - _sampled(other, across - step, down)
        ) * np.float32(side / 2)
        slope_y = (
            _sampled(other, across, down + step) - _sampled(other, across, down - step)
        ) * np.float32(side / 2)
        residual = centred / spread * extent - opposite
        columns = [slope_x, slope_x * x, slope_x * y, slope_y, slope_y * x, slope_y * y]
        jacobian = np.stack([*columns, np.ones_like(theirs), opposite], axis=2)
        weighed = (jacobian * inside[:, :, None]).transpose(0, 2, 1)
        normal = weighed @ jacobian
        damping = 0.01 * np.einsum("kii->ki", normal).mean(axis=1) + 0.01
        normal += np.eye(8, dtype=np.float32) * damping[:, None, None]
        change = np.linalg.solve(normal, weighed @ residual[:, :, None])[:, :6, 0]
        warp = _bounded(warp + np.clip(change, -0.15, 0.15))
    return best, highest


def _bounded(warp: np.ndarray) -> np.ndarray:
    warp[:, [1, 5]] = np.clip(warp[:, [1, 5]], 0.55, 1.8)
    warp[:, [2, 4]] = np.clip(warp[:, [2, 4]], -0.35, 0.35)
    warp[:, [0, 3]] = np.clip(warp[:, [0, 3]], -0.5, 0.5)
    return warp


def _edges_agree(
    one: np.ndarray, other: np.ndarray, warp: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Correlation of the edges where the pictures overlap, and how many pixels have edges."""
    x, y = _grid(SIDE)
    across, down = _warped(warp, x, y)
    shape = (-1, SIDE, SIDE)
    inside = ((np.abs(across) <= 1) & (np.abs(down) <= 1)).astype(np.float32).reshape(shape)
    theirs = _sampled(other, across, down).reshape(shape)
    both = inside[:, 1:-1, 2:] * inside[:, 1:-1, :-2] * inside[:, 2:, 1:-1] * inside[:, :-2, 1:-1]
    of_one, of_other = _slopes(one) * both[:, None], _slopes(theirs) * both[:, None]
    product = (of_one * of_other).sum(axis=(1, 2, 3))
    energies = [(slopes**2).sum(axis=1) for slopes in (of_one, of_other)]
    totals = [energy.sum(axis=(1, 2)) for energy in energies]
    correlation = product / np.sqrt(totals[0] * totals[1] + 1e-3)
    counts = [
        total**2 / ((energy**2).sum(axis=(1, 2)) + 1e-3)
        for total, energy in zip(totals, energies, strict=True)
    ]
    return correlation, np.minimum(*counts)


def _slopes(greys: np.ndarray) -> np.ndarray:
    """How the inner pixels' grey changes across and down: pictures x 2 x height x width."""
    return np.stack(
        [
            greys[:, 1:-1, 2:] - greys[:, 1:-1, :-2],
            greys[:, 2:, 1:-1] - greys[:, :-2, 1:-1],
        ],
        axis=1,
    )
