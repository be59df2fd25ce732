"""
Grey in 4 x 4 tiles, 4 bits each, of pictures of few grey levels, such as icons.

A disc, a ring, a cross and whatever else is as symmetric have few frequencies that are not zero,
and those have the same signs: their perceptual hashes tell little.

This module knows numbers only, since who compares pictures need not be able to decode one.
"""

from collections.abc import Sequence

SIDE = 4
MOST = 15
FEW_LEVELS = 5.0
"""Bits of entropy below which a picture has few grey levels; photographs have 5 to 8."""
_APART = 36
"""Sum of the differences of the 16 tiles from which on two pictures are not the same."""
_BITS = (1 << 64) - 1
_MIRRORED = tuple(SIDE * row + column for row in range(SIDE) for column in reversed(range(SIDE)))


def packed(tiles: Sequence[int]) -> int:
    """
    The 16 numbers, 0 to `MOST`, as one, signed 64 bits; never -1.

    Light on dark is as dark on light, so that an icon is the same on either paper.
    """
    if 2 * sum(tiles) > MOST * len(tiles):
        tiles = [MOST - tile for tile in tiles]
    return int.from_bytes(bytes.fromhex("".join(f"{tile:x}" for tile in tiles)), signed=True)


def differ(one: int, other: int) -> bool:
    """Whether two pictures are clearly not the same, one of them mirrored or inverted or not."""
    mine, theirs = _unpacked(one), _unpacked(other)
    mirrored = [theirs[place] for place in _MIRRORED]
    as_they_are = (theirs, mirrored)
    inverted = ([MOST - tile for tile in tiles] for tiles in as_they_are)
    return all(
        sum(abs(a - b) for a, b in zip(mine, tiles, strict=True)) >= _APART
        for tiles in (*as_they_are, *inverted)
    )


def _unpacked(number: int) -> list[int]:
    return [int(digit, 16) for digit in f"{number & _BITS:016x}"]
