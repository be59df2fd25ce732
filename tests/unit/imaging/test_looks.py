"""Looks of many pairs of pictures, as one would compare them pair by pair."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crawlset.imaging import colours, mosaic
from crawlset.imaging.looks import alike

HUES = st.lists(st.integers(-128, 127), min_size=8, max_size=8).map(colours.packed)
TILES = st.lists(st.integers(0, mosaic.MOST), min_size=16, max_size=16).map(mosaic.packed)


def columns(*looks: tuple[int, int]) -> list[np.ndarray]:
    return [np.array(column, dtype=np.int64) for column in zip(*looks, strict=True)]


def look_alike(one: tuple[int, int], other: tuple[int, int]) -> bool:
    hues, others = (colours.unpacked(packed) for packed, _ in (one, other))
    if colours.differ(hues, others):
        return False
    mine, theirs = np.array([one[1]]), np.array([other[1]])
    return -1 in {one[1], other[1]} or not mosaic.differ(mine, theirs)[0]


class TestAlike:
    @given(st.tuples(HUES, TILES), st.tuples(HUES, TILES))
    def test_is_what_is_said_of_two(self, one: tuple[int, int], other: tuple[int, int]) -> None:
        (hues, others), (mine, theirs) = columns(one, other)

        found = alike(
            np.array([hues, hues]),
            np.array([others, hues]),
            np.array([mine] * 2),
            np.array([theirs, -1]),
        )

        assert found.tolist() == [look_alike(one, other), True]
