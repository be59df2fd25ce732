"""Lays small grey pictures on each other: shifted, scaled and turned as fits best, many at once."""

import numpy as np

MARGIN = 2 / 32
"""Share of each side that is left out: remains of a frame that was cut off may be there."""
LIMIT = 1 - 2 * MARGIN
"""How far from the middle, which is 0, places count; the edge is at 1."""
_LEAST_OVERLAP = 0.3
_LONGEST_STEP = 0.15
_N_MAP, _N_ALL = 6, 8


def grid(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels of a picture are across and down, from -1 to 1, row by row."""
    centres = ((np.arange(side) + 0.5) / side * 2 - 1).astype(np.float32)
    down, across = np.meshgrid(centres, centres, indexing="ij")
    return across.ravel(), down.ravel()


def mapped(maps: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places `x`, `y` under affine `maps` (n x 6): a shift and factors of x and y, for each."""
    return (
        maps[:, 0:1] + maps[:, 1:2] * x + maps[:, 2:3] * y,
        maps[:, 3:4] + maps[:, 4:5] * x + maps[:, 5:6] * y,
    )


def is_inside(*places: np.ndarray) -> np.ndarray:
    """Which places are neither outside nor in the margin of a picture, as 0 and 1."""
    inside = np.abs(places[0]) <= LIMIT
    for more in places[1:]:
        inside &= np.abs(more) <= LIMIT
    return inside.astype(np.float32)


def sampled(pictures: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """
    Values at the places `x`, `y` (n x m) of `pictures` (n x side x side x k): n x m x k, bilinear.

    Beyond the edge they are as on it.
    """
    n, side, _, n_values = pictures.shape
    half, last = np.float32(side / 2), np.float32(side - 1.001)
    column = np.clip((x + 1) * half - np.float32(0.5), 0, last)
    row = np.clip((y + 1) * half - np.float32(0.5), 0, last)
    left, top = column.astype(np.intp), row.astype(np.intp)
    to_right = (column - left.astype(np.float32))[:, :, None]
    to_bottom = (row - top.astype(np.float32))[:, :, None]
    flat = pictures.reshape(-1, n_values)
    place = (np.arange(n) * (side * side))[:, None] + top * side + left
    corners = (flat.take(place + by, axis=0) for by in (0, 1, side, side + 1))
    upper, upper_right, lower, lower_right = corners
    upper += (upper_right - upper) * to_right
    lower += (lower_right - lower) * to_right
    between: np.ndarray = upper + (lower - upper) * to_bottom
    return between


def blurred(greys: np.ndarray) -> np.ndarray:
    """Each pixel of `greys` (n x side x side) with its neighbours, weighed 1 2 1 both ways."""
    wide = _widened(greys)
    lines = wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]
    both: np.ndarray = (lines[:, :, :-2] + 2 * lines[:, :, 1:-1] + lines[:, :, 2:]) / 16
    return both


def aligned(
    one: np.ndarray, other: np.ndarray, maps: np.ndarray, n_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """
    Affine maps of places in `one` to places in `other` that make these pictures most alike.

    Both are n x side x side, float32. From `maps` on in `n_steps` steps of Gauss and Newton, free
    of brightness and contrast (Lucas and Kanade's registration as in Baker and Matthews, "Lucas-
    Kanade 20 years on", 2004: forwards additive). Gives the best maps met, and the correlations of
    the pictures under them.
    """
    n, side, _ = one.shape
    x, y = grid(side)
    mine, theirs = one.reshape(n, -1), _with_slopes(other)
    maps, best = maps.copy(), maps.copy()
    highest = np.full(n, -1, dtype=np.float32)
    for step in range(n_steps + 1):
        across, down = mapped(maps, x, y)
        inside = is_inside(across, down, x, y)
        count = np.maximum(inside.sum(axis=1), 1)
        values = sampled(theirs, across, down)
        first, first_spread = _standard(mine, inside, count)
        second, second_spread = _standard(values[:, :, 0], inside, count)
        correlation = _sums(first, second) / (first_spread * second_spread * count)
        correlation[count < _LEAST_OVERLAP * mine.shape[1]] = -1
        is_better = correlation > highest
        highest[is_better], best[is_better] = correlation[is_better], maps[is_better]
        if step == n_steps:
            break
        residual = first * (second_spread / first_spread)[:, None] - second
        slopes = values[:, :, 1] * inside, values[:, :, 2] * inside
        maps = _bounded(maps + _change(slopes, inside, second, residual, (x, y)))
    return best, highest


def _change(
    slopes: tuple[np.ndarray, np.ndarray],
    inside: np.ndarray,
    centred: np.ndarray,
    residual: np.ndarray,
    places: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """What to add to the maps (n x 6), by least squares over them, brightness and contrast."""
    n, n_pixels = inside.shape
    x, y = places
    jacobian = np.empty((n, _N_ALL, n_pixels), dtype=np.float32)
    for at, slope in zip((0, 3), slopes, strict=True):
        jacobian[:, at] = slope
        np.multiply(slope, x, out=jacobian[:, at + 1])
        np.multiply(slope, y, out=jacobian[:, at + 2])
    jacobian[:, 6], jacobian[:, 7] = inside, centred
    normal = jacobian @ jacobian.transpose(0, 2, 1)
    damping = 0.01 * np.trace(normal, axis1=1, axis2=2) / _N_ALL + 0.01
    normal += np.eye(_N_ALL, dtype=np.float32) * damping[:, None, None]
    change = np.linalg.solve(normal, jacobian @ residual[:, :, None])[:, :_N_MAP, 0]
    return np.clip(change, -_LONGEST_STEP, _LONGEST_STEP)


def _bounded(maps: np.ndarray) -> np.ndarray:
    """Keep `maps` within what a copy may be: shifted by half, scaled by 0.55 to 1.8, turned."""
    maps[:, [0, 3]] = np.clip(maps[:, [0, 3]], -0.5, 0.5)
    maps[:, [1, 5]] = np.clip(maps[:, [1, 5]], 0.55, 1.8)
    maps[:, [2, 4]] = np.clip(maps[:, [2, 4]], -0.35, 0.35)
    return maps


def _standard(
    values: np.ndarray, inside: np.ndarray, count: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`values` less their mean where they are `inside`, 0 elsewhere; and their deviation."""
    centred = (values - (_sums(values, inside) / count)[:, None]) * inside
    return centred, np.sqrt(_sums(centred, centred) / count) + np.float32(1e-3)


def _sums(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    sums: np.ndarray = np.einsum("ij,ij->i", one, other)
    return sums


def _with_slopes(greys: np.ndarray) -> np.ndarray:
    """Grey, its slope across and its slope down: n x side x side x 3."""
    side = greys.shape[1]
    wide = _widened(greys)
    fields = np.empty((*greys.shape, 3), dtype=np.float32)
    fields[..., 0] = greys
    fields[..., 1] = (wide[:, 1:-1, 2:] - wide[:, 1:-1, :-2]) * (side / 4)
    fields[..., 2] = (wide[:, 2:, 1:-1] - wide[:, :-2, 1:-1]) * (side / 4)
    return fields


def _widened(greys: np.ndarray) -> np.ndarray:
    return np.pad(greys, ((0, 0), (1, 1), (1, 1)), mode="edge")
