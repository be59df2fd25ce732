"""
Layout of a picture's signature: what two pictures with like hashes are compared by once more.

One byte of the ratio of its sides, `SIDE` x `SIDE` of grey, `HUE_SIDE` x `HUE_SIDE` of Cb, as many
of Cr. This module knows numbers only, since who stores signatures need not be able to make one.
"""

import math

SIDE = 32
"""Pixels of grey across and down."""
HUE_SIDE = 8
"""Pixels of Cb and of Cr across and down."""
N_GREY = SIDE * SIDE
N_HUE = HUE_SIDE * HUE_SIDE
SIGNATURE_BYTES = 1 + N_GREY + 2 * N_HUE
NEUTRAL = 128
"""Cb and Cr of grey."""
SQUARE = 128
"""The first byte of a square picture; there is no signature where it is 0."""
STEPS_AN_OCTAVE = 32
"""Steps of the first byte by which the ratio of width to height doubles."""


def ratio_byte(width: float, height: float) -> int:
    """The ratio of the sides of a picture as one byte, 1 to 255."""
    step = round(SQUARE + STEPS_AN_OCTAVE * math.log2(width / height))
    return max(1, min(255, step))
