"""
Pairs of images that may be near duplicates, each as one number.

Images are named by their rank: 0 is the one most worth keeping. A pair's number is made of the
image that is worth less, then the one that is worth more, then their distance in bits, so that
sorted numbers list what each image could give way to, the best first.
"""

from collections.abc import Iterator

import numpy as np

MAX_BETTER = 32
"""Pairs kept of each image with others worth more than it: those with the best of them."""
_DISTANCE_BITS = 7
_ROWS_AT_ONCE = 1_000_000


def packed(n: int, ones: np.ndarray, others: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """
    Pack pairs of two different of `n` images, in either order, as int64.

    `distances` are 0 to 127 bits; `n` is below 2 ** 28.
    """
    lesser, better = np.maximum(ones, others), np.minimum(ones, others)
    codes: np.ndarray = ((lesser.astype(np.int64) * n + better) << _DISTANCE_BITS) | distances
    return codes


def unpacked(n: int, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the image worth less, the one worth more and their distance, of packed pairs."""
    lesser, better = np.divmod(codes >> _DISTANCE_BITS, max(n, 1))
    return lesser, better, codes & ((1 << _DISTANCE_BITS) - 1)


def best(n: int, codes: np.ndarray, most: int = MAX_BETTER) -> np.ndarray:
    """
    Each pair once, at its least distance, sorted; the `most` best of each image.

    The best of parts is the best of all: `best(best(a) + best(b)) == best(a + b)`.
    """
    codes = np.sort(codes)
    pairs = codes >> _DISTANCE_BITS
    is_first = np.ones(len(codes), dtype=bool)
    is_first[1:] = pairs[1:] != pairs[:-1]
    codes, lesser = codes[is_first], pairs[is_first] // max(n, 1)
    starts = np.flatnonzero(np.diff(lesser, prepend=-1))
    place = np.arange(len(codes)) - np.repeat(starts, np.diff(starts, append=len(codes)))
    return codes[place < most]


def keepers(n: int, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    The keeper of each of `n` images, itself for most, and the distance to it in bits.

    `codes` are pairs of near images, sorted, from hashes or whatever else tells that two are near.
    In the order of their worth, an image gives way to the best keeper that it is near; if there is
    none it is a keeper. So an image that is near to nothing but members stays.
    """
    keeper, distance = list(range(n)), np.zeros(n, dtype=np.uint8)
    for lesser, better, bits in _rows(n, codes):
        if keeper[lesser] == lesser and keeper[better] == better:
            keeper[lesser] = better
            distance[lesser] = bits
    return np.array(keeper, dtype=np.int64), distance


def _rows(n: int, codes: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Pairs as Python's own numbers, which take ten times the memory of an array's."""
    for start in range(0, len(codes), _ROWS_AT_ONCE):
        columns = unpacked(n, codes[start : start + _ROWS_AT_ONCE])
        yield from zip(*(column.tolist() for column in columns), strict=True)
