"""
Grey in 4 x 4 tiles, 4 bits each, of pictures of few grey levels, such as icons.

A disc, a ring, a cross and whatever else is as symmetric have few frequencies that are not zero,
and those have the same signs: their perceptual hashes tell little.

This module knows numbers only, since who compares pictures need not be able to decode one.
"""

from collections.abc import Sequence

import numpy as np

SIDE = 4
MOST = 15
FEW_LEVELS = 5.0
"""Bits of entropy below which a picture has few grey levels; photographs have 5 to 8."""
_APART = 36
"""Sum of the differences of the 16 tiles from which on two pictures are not the same."""
_MIRRORED = tuple(SIDE * row + column for row in range(SIDE) for column in reversed(range(SIDE)))


def packed(tiles: Sequence[int]) -> int:
    """
    The 16 numbers, 0 to `MOST`, as one, signed 64 bits; never -1.

    Light on dark is as dark on light, so that an icon is the same on either paper.
    """
    if 2 * sum(tiles) > MOST * len(tiles):
        tiles = [MOST - tile for tile in tiles]
    return int.from_bytes(bytes.fromhex("".join(f"{tile:x}" for tile in tiles)), signed=True)


def differ(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """
    Whether pictures are clearly not the same, one of them mirrored or inverted or not.

    Takes packed numbers, int64, and tells of each of `one` and that of `other` at its place.
    """
    mine, theirs = _unpacked(one), _unpacked(other)
    distances = [
        np.abs(tiles - theirs).sum(axis=0)
        for as_it_is in (mine, mine[list(_MIRRORED)])
        for tiles in (as_it_is, MOST - as_it_is)
    ]
    differing: np.ndarray = np.min(distances, axis=0) >= _APART
    return differing


def _unpacked(numbers: np.ndarray) -> np.ndarray:
    """Sixteen rows of tiles, int8."""
    pairs = numbers.astype(">i8").view(np.uint8).reshape(-1, 8).T
    return np.stack([pairs >> 4, pairs & MOST], axis=1).reshape(SIDE * SIDE, -1).astype(np.int8)
