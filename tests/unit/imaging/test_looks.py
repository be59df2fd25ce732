"""Clusters parted by looks, as one would do it picture by picture."""

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crawlset.imaging import colours, mosaic
from crawlset.imaging.looks import alike, parted

HUES = st.lists(st.integers(-128, 127), min_size=8, max_size=8).map(colours.packed)
TILES = st.lists(st.integers(0, mosaic.MOST), min_size=16, max_size=16).map(mosaic.packed)
FEW_HUES = [0, *(colours.packed([a, b] * 4) for a, b in ((90, 0), (0, 90), (-90, 0), (60, 60)))]
FEW_TILES = [-1, *(mosaic.packed([*([15] * n), *([0] * (16 - n))]) for n in (1, 4, 7))]
LOOKS = st.tuples(st.one_of(st.sampled_from(FEW_HUES), HUES), st.one_of(st.sampled_from(FEW_TILES)))
IMAGES = st.lists(st.tuples(st.integers(0, 3), LOOKS), max_size=40)


def columns(*looks: tuple[int, int]) -> list[np.ndarray]:
    return [np.array(column, dtype=np.int64) for column in zip(*looks, strict=True)]


def look_alike(one: tuple[int, int], other: tuple[int, int]) -> bool:
    hues, others = (colours.unpacked(packed) for packed, _ in (one, other))
    if colours.differ(hues, others):
        return False
    mine, theirs = np.array([one[1]]), np.array([other[1]])
    return -1 in {one[1], other[1]} or not mosaic.differ(mine, theirs)[0]


def different(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Colours and mosaics of pictures of which hardly two are alike."""
    rng = np.random.default_rng(7)
    hues = rng.integers(-128, 127, (n, 8), dtype=np.int8).view(">i8").ravel().astype(np.int64)
    return hues, rng.integers(-(1 << 62), 1 << 62, n)


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


class TestParted:
    @given(IMAGES, st.randoms(use_true_random=False))
    def test_is_around_the_most_worthy_of_those_that_are_left(
        self, images: list[tuple[int, tuple[int, int]]], random: Random
    ) -> None:
        ranks = random.sample(range(len(images)), len(images))
        firsts = [[root for root, _ in images].index(root) for root, _ in images]
        by_worth = sorted(range(len(images)), key=lambda place: ranks[place])
        leaders: list[int] = []
        expected = {}
        for place in by_worth:
            like = [
                leader
                for leader in leaders
                if firsts[leader] == firsts[place]
                and look_alike(images[leader][1], images[place][1])
            ]
            expected[place] = like[0] if like else place
            leaders += [] if like else [place]
        hues, tiles = columns(*(look for _, look in images)) if images else columns((0, 0))
        n = len(images)

        found = parted(np.array(firsts, dtype=np.int64), np.array(ranks), hues[:n], tiles[:n])

        assert found.tolist() == [expected[place] for place in range(n)]

    def test_compares_no_more_than_it_may(self) -> None:
        """What is left stays: better one copy too many than a picture put out for another."""
        n = 300
        hues, tiles = different(n)
        roots, ranks = np.zeros(n, dtype=np.int64), np.arange(n)

        found = parted(roots, ranks, hues, tiles, max_comparisons=3 * n)

        whole = parted(roots, ranks, hues, tiles)
        leaders = sorted(set(whole.tolist()))[:3]
        assert found.tolist() == [
            root if root in leaders else place for place, root in enumerate(whole.tolist())
        ]
