"""How small a picture is made before it is measured."""

SMALL_SIDE = 64
"""Pixels left at least of the short side, by a decoding at a DCT scale and by what follows."""
_LONG_SIDE = 512
_WHOLE = 8
"""Eighths of a side that are all of it."""


def smallest_eighths(width: int, height: int) -> int:
    """The smallest DCT scale that leaves `SMALL_SIDE` pixels of the short side."""
    short = min(width, height)
    return next((eighths for eighths in (1, 2, 4) if short * eighths // 8 >= SMALL_SIDE), _WHOLE)


def reduction(width: int, height: int, eighths: int = _WHOLE) -> tuple[int, int]:
    """
    Pixels across and down to make one of, in a picture decoded at so many `eighths` of its sides.

    A short side of `SMALL_SIDE` to twice that is left, and a long side below twice `_LONG_SIDE`.
    """
    smallest = smallest_eighths(width, height)
    sides = width * smallest // 8, height * smallest // 8
    least = max(1, min(sides) // SMALL_SIDE)
    across, down = (max(least, side // _LONG_SIDE) * (eighths // smallest) for side in sides)
    return across, down
