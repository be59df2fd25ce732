"""
Pairs of pictures whose vectors are near each other, among up to a million, in shares.

Pictures are named by their rank, 0 is the one most worth keeping; each is held against all that are
worth more. Most pairs are ruled out in few dimensions: those of the largest variance, and one more,
the length of the rest, with which the product of two is never less than their cosine.
"""

from collections.abc import Iterator
from math import ceil

import numpy as np

from crawlset.imaging.pairs import MAX_BETTER
from crawlset.measuring.nearness import unit

LEAST = 0.88
"""Cosine that may be asked for at least: below it too many pairs are left to look at whole."""
N_NEAREST = 8
"""Nearest of the pictures that are worth more, which `nearest` gives of each."""
LEAST_NEAREST = 0.75
"""Cosine below which a picture is not among the nearest."""
MAX_SHARES = 40
_DIMENSIONS = 128
_SAMPLE = 4_000
"""Vectors that the dimensions are chosen by."""
_ROWS, _COLUMNS = 1_024, 8 * 1_024
"""Vectors held against each other at once: 32 MB of products."""
_FIRST_COLUMNS = 256
_ROWS_READ = 10_000
_MANY = 4 * N_NEAREST
"""Others of a picture at once that are too many to sort."""
_ROUNDING = 1e-4
_SECONDS_A_PAIR = 1.5e-8
_SECONDS_A_VECTOR = 1e-4
"""Measured on one core: a product and its comparison; reading, and going down in dimensions."""
_SECONDS_A_SHARE = 120

Found = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Ranks of the image worth less and of the one worth more, and their cosine, of each pair."""


def n_shares(n: int) -> int:
    """In how many shares to compare `n` vectors, so that each takes some minutes at most."""
    if n < 2:  # noqa: PLR2004 - nothing to compare
        return 0
    seconds = n * (n / 2 * _SECONDS_A_PAIR + _SECONDS_A_VECTOR)
    return min(MAX_SHARES, ceil(seconds / _SECONDS_A_SHARE))


def similar(vectors: np.ndarray, least: float, share: int, n_shares: int) -> Found:
    """
    Find pairs with a cosine of `least` or more, by one of `n_shares` shares of the comparisons.

    Of each picture come the pairs with the `MAX_BETTER` best, none is missed. `vectors` is n x d,
    float16, zeros of a picture that has none; `least` is `LEAST` at least.
    """
    found = [_nothing()]
    if not vectors.size:
        return _nothing()
    small = _bounding(vectors)
    for rows in _blocks(len(vectors), share, n_shares):
        n_found = np.zeros(len(rows), np.int64)
        for columns in _before(rows):
            left = rows[n_found < MAX_BETTER]
            at, other = np.nonzero(_products(small, left, columns) >= least - _ROUNDING)
            ones, others = left[at], columns[other]
            values = _in_blocks(vectors, ones, others)
            is_near = values >= least
            ones, others, values = ones[is_near], others[is_near], values[is_near]
            is_best = n_found[ones - rows[0]] + _places(ones) < MAX_BETTER
            found.append((ones[is_best], others[is_best], values[is_best]))
            n_found += np.bincount(ones - rows[0], minlength=len(rows))
    return _joined(found)


def nearest(vectors: np.ndarray, share: int, n_shares: int) -> Found:
    """
    Find of each picture about the `N_NEAREST` nearest of those worth more, as `similar` does.

    Which are the nearest is told in few dimensions.
    """
    found = [_nothing()]
    if not vectors.size:
        return _nothing()
    small = unit(_bounding(vectors)[:, :-1])
    for rows in _blocks(len(vectors), share, n_shares):
        held = _nothing()
        limits = np.full(len(rows), LEAST_NEAREST, np.float32)
        for columns in _before(rows):
            products = _products(small, rows, columns)
            at, other = _highest(products, limits)
            held = _best_of_each(_joined([held, (rows[at], columns[other], products[at, other])]))
            n_held = np.bincount(held[0] - rows[0], minlength=len(rows))
            is_full = n_held == N_NEAREST
            limits[is_full] = held[2][np.cumsum(n_held)[is_full] - 1]
        found.append(held)
    ones, others, _ = _joined(found)
    values = cosines(vectors, ones, others)
    is_near = values >= LEAST_NEAREST
    return ones[is_near], others[is_near], values[is_near]


def cosines(vectors: np.ndarray, ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Cosine of each of these pairs of `vectors`, float32; 0 where one has none."""
    found = np.empty(len(ones), np.float32)
    for start in range(0, len(ones), _ROWS_READ):
        part = slice(start, start + _ROWS_READ)
        mine, theirs = unit(vectors[ones[part]]), unit(vectors[others[part]])
        found[part] = np.einsum("ij,ij->i", mine, theirs)
    return found


def _bounding(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1 in few dimensions, and the length of what these leave out; float32."""
    n, d = vectors.shape
    some = unit(vectors[np.unique(np.linspace(0, max(n - 1, 0), _SAMPLE).astype(np.int64))[:n]])
    _, axes = np.linalg.eigh(some.T @ some)
    axes = np.ascontiguousarray(axes[:, max(d - _DIMENSIONS, 0) :], np.float32)
    small = np.empty((n, axes.shape[1] + 1), np.float32)
    for start in range(0, n, _ROWS_READ):
        part = slice(start, start + _ROWS_READ)
        whole = unit(vectors[part])
        small[part, :-1] = whole @ axes
        rest = (whole * whole).sum(axis=1) - (small[part, :-1] ** 2).sum(axis=1)
        small[part, -1] = np.sqrt(np.maximum(rest, 0))
    return small


def _blocks(n: int, share: int, n_shares: int) -> Iterator[np.ndarray]:
    """Ranks of the pictures of a share, some at a time; the later, the more are worth more."""
    for start in range(share * _ROWS, n, max(n_shares, 1) * _ROWS):
        yield np.arange(start, min(start + _ROWS, n))


def _before(rows: np.ndarray) -> Iterator[np.ndarray]:
    """
    Ranks up to the last of `rows`, the best first, some at a time.

    The first are few: where all pictures are alike, these are all that is asked for.
    """
    start, size = 0, _FIRST_COLUMNS
    while start <= rows[-1]:
        end = min(start + size, rows[-1] + 1)
        yield np.arange(start, end)
        start, size = end, min(2 * size, _COLUMNS)


def _products(small: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Products of all these with all those; -1 with itself and what is worth less."""
    products: np.ndarray = small[rows] @ small[columns[0] : columns[-1] + 1].T
    if len(rows) and columns[-1] >= rows[0]:
        products[columns[None, :] >= rows[:, None]] = -1
    return products


def _in_blocks(vectors: np.ndarray, ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Cosines of pairs, of which there may be as many as of all these with all those."""
    if not len(ones):
        return np.empty(0, np.float32)
    rows, at = np.unique(ones, return_inverse=True)
    columns, other = np.unique(others, return_inverse=True)
    values: np.ndarray = (unit(vectors[rows]) @ unit(vectors[columns]).T)[at, other]
    return values


def _highest(products: np.ndarray, limits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of the `N_NEAREST` highest of each row, of those that are no less than its limit."""
    at, other = np.nonzero(products >= limits[:, None])
    if len(at) <= _MANY * len(products):
        return at, other
    best = np.argpartition(products, -N_NEAREST, axis=1)[:, -N_NEAREST:]
    at, place = np.nonzero(np.take_along_axis(products, best, 1) >= limits[:, None])
    return at, best[at, place]


def _best_of_each(found: Found) -> Found:
    """The `N_NEAREST` nearest of each, the nearest first."""
    ones, others, values = found
    order = np.lexsort((others, -values, ones))
    ones, others, values = ones[order], others[order], values[order]
    is_kept = _places(ones) < N_NEAREST
    return ones[is_kept], others[is_kept], values[is_kept]


def _places(ones: np.ndarray) -> np.ndarray:
    """How many of the same stand before each of `ones`, which are sorted."""
    starts = np.flatnonzero(np.diff(ones, prepend=-1))
    places: np.ndarray = np.arange(len(ones)) - np.repeat(starts, np.diff(starts, append=len(ones)))
    return places


def _nothing() -> Found:
    return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)


def _joined(found: list[Found]) -> Found:
    ones, others, values = (np.concatenate(part) for part in zip(*found, strict=True))
    return ones, others, values
