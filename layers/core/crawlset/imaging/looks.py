"""Parts clusters of like hashes where pictures differ in their colours or their mosaic."""

import numpy as np

from crawlset.imaging import mosaic
from crawlset.imaging.colours import LEAST, LEAST_COSINE, MIRRORED

MAX_COMPARISONS = 1_000_000_000
"""Comparisons of two pictures, two minutes or so; what is left then is in no cluster."""
_ROWS_AT_ONCE = 1 << 14
"""Comparisons at a time, few enough for the caches of a processor."""


def parted(
    roots: np.ndarray,
    ranks: np.ndarray,
    colours: np.ndarray,
    mosaics: np.ndarray,
    max_comparisons: int = MAX_COMPARISONS,
) -> np.ndarray:
    """
    Clusters in which every image looks like the most worthy one, which has the smallest rank.

    The most worthy image of each of `roots` takes all that look like it; of the others the most
    worthy does so, in all clusters at once. Those that are left after `max_comparisons` are in
    clusters of their own.
    """
    order = np.lexsort((ranks, roots))
    rest = order[np.bincount(roots, minlength=len(roots))[roots[order]] > 1]
    found = roots.copy()
    while len(rest) and (max_comparisons := max_comparisons - len(rest)) >= 0:
        starts = np.flatnonzero(np.diff(roots[rest], prepend=-1))
        leaders = np.repeat(rest[starts], np.diff(starts, append=len(rest)))
        are_alike = np.empty(len(rest), dtype=bool)
        for start in range(0, len(rest), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            one, other = leaders[part], rest[part]
            are_alike[part] = alike(colours[one], colours[other], mosaics[one], mosaics[other])
        found[rest[are_alike]] = leaders[are_alike]
        rest = rest[~are_alike]
    found[rest] = rest
    return found


def alike(
    colours: np.ndarray, others: np.ndarray, mosaics: np.ndarray, other_mosaics: np.ndarray
) -> np.ndarray:
    """Whether pictures of these colours and mosaics look like the others at their places."""
    are_alike = ~_have_other_colours(colours, others)
    compared = np.flatnonzero(are_alike & (mosaics != -1) & (other_mosaics != -1))
    are_alike[compared] = ~mosaic.differ(mosaics[compared], other_mosaics[compared])
    return are_alike


def _have_other_colours(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Do for many what `colours.differ` does for two."""
    mine, theirs = _unpacked(one), _unpacked(other)
    of_mine, of_theirs = _products(mine, mine), _products(theirs, theirs)
    product = np.maximum(_products(mine, theirs), _products(mine, theirs[list(MIRRORED)]))
    product = np.maximum(product, 0)
    are_coloured = np.minimum(of_mine, of_theirs) >= LEAST * LEAST
    are_far = product * product < LEAST_COSINE**2 * of_mine * of_theirs
    differing: np.ndarray = are_coloured & are_far
    return differing


def _unpacked(numbers: np.ndarray) -> np.ndarray:
    """Eight rows of numbers, one for each of those that `colours.packed` takes."""
    return numbers.astype(">i8").view(np.int8).reshape(-1, 8).T.astype(np.int32)


def _products(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    products: np.ndarray = np.einsum("ij,ij->j", one, other).astype(np.int64)
    return products
