"""Tells pictures of like hashes apart where their colours or their mosaics differ."""

import numpy as np

from crawlset.imaging import mosaic
from crawlset.imaging.colours import LEAST, LEAST_COSINE, MIRRORED


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
