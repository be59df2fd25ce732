"""
A picture's colours in 64 bits, to tell apart pictures whose grey is equal.

Four quarters, from the upper left, row by row; of each Cb and Cr less 128, as signed bytes. A
quarter's is the mean of its pixels, each weighed by how far from grey it is: paper, frames and
letters in black or white take nothing from it, and a small spot of colour is seen.

This module knows numbers only, since who compares pictures need not be able to decode one.
"""

import struct
from collections.abc import Sequence
from operator import mul

Colours = tuple[int, ...]
"""Cb and Cr of the four quarters."""

_BYTES = struct.Struct(">8b")
_BITS = (1 << 64) - 1
LEAST = 32
"""Length of the eight numbers below which a picture has too little colour to go by."""
LEAST_COSINE = 0.7
MIRRORED = (2, 3, 0, 1, 6, 7, 4, 5)


def packed(colours: Sequence[int]) -> int:
    """The eight numbers as one, signed 64 bits; `unpacked` is its inverse."""
    return int.from_bytes(_BYTES.pack(*colours), signed=True)


def unpacked(number: int) -> Colours:
    return _BYTES.unpack((number & _BITS).to_bytes(8))


def differ(one: Colours, other: Colours) -> bool:
    """
    Whether two pictures clearly have other colours, one of them mirrored or not.

    Weak and strong colours of one hue are alike, so that edits of contrast and saturation are, and
    a grey picture is like any: it may be a copy without colours.
    """
    square = LEAST * LEAST
    of_one, of_other = _product(one, one), _product(other, other)
    if of_one < square or of_other < square:
        return False
    mirrored = [other[place] for place in MIRRORED]
    product = max(_product(one, other), _product(one, mirrored), 0)
    return product * product < LEAST_COSINE**2 * of_one * of_other


def _product(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(map(mul, one, other))
