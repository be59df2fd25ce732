"""Which of two near images gives way to the other, and which stay."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlset.imaging import pairs

N = 40
Pair = tuple[int, int, int]
PAIRS = st.lists(
    st.tuples(st.integers(0, N - 1), st.integers(0, N - 1), st.integers(0, 64)).filter(
        lambda pair: pair[0] != pair[1]
    ),
    max_size=120,
)


def packed(found: list[Pair]) -> np.ndarray:
    ones, others, distances = np.array(found, dtype=np.int64).reshape(-1, 3).T
    return pairs.packed(N, ones, others, distances)


def keepers(found: list[Pair]) -> list[int]:
    return pairs.keepers(N, pairs.best(N, packed(found)))[0].tolist()


class TestBest:
    @given(PAIRS, st.integers(0, 120))
    def test_of_parts_is_the_best_of_all(self, found: list[Pair], at: int) -> None:
        parts = [pairs.best(N, packed(part)) for part in (found[:at], found[at:])]

        assert (
            pairs.best(N, np.concatenate(parts)).tolist() == pairs.best(N, packed(found)).tolist()
        )

    @given(PAIRS)
    def test_has_each_pair_once_at_its_least_distance(self, found: list[Pair]) -> None:
        nearest: dict[tuple[int, int], int] = {}
        for one, other, distance in found:
            pair = (max(one, other), min(one, other))
            nearest[pair] = min(distance, nearest.get(pair, distance))

        columns = pairs.unpacked(N, pairs.best(N, packed(found)))

        lesser, better, distances = (column.tolist() for column in columns)
        told = dict(zip(zip(lesser, better, strict=True), distances, strict=True))
        assert told == nearest
        assert len(told) == len(lesser)

    def test_has_so_many_of_an_image_with_the_best_at_most(self) -> None:
        lesser, better, _ = pairs.unpacked(
            N, pairs.best(N, packed([(N - 1, at, 3) for at in range(N - 1)]))
        )

        assert set(lesser.tolist()) == {N - 1}
        assert better.tolist() == list(range(pairs.MAX_BETTER))


class TestKeepers:
    def test_of_a_chain_are_its_ends(self) -> None:
        """0 is near 1, and 1 near 2: 2 is not near 0, which stays, and so it stays itself."""
        assert keepers([(0, 1, 4), (1, 2, 4)])[:3] == [0, 0, 2]

    def test_are_members_of_nothing(self) -> None:
        assert keepers([(0, 1, 4), (1, 2, 4), (2, 3, 4)])[:4] == [0, 0, 2, 2]

    @pytest.mark.parametrize("n", [N])
    def test_of_a_long_chain_are_every_other(self, n: int) -> None:
        assert keepers([(at, at + 1, 1) for at in range(n - 1)]) == [at // 2 * 2 for at in range(n)]

    def test_of_an_image_is_the_best_that_it_is_near(self) -> None:
        """At however few bits another is."""
        assert keepers([(7, 3, 9), (7, 5, 1)])[7] == 3

    def test_comes_with_the_distance_to_it(self) -> None:
        codes = pairs.best(N, packed([(7, 3, 9), (7, 5, 1), (3, 7, 8)]))

        assert pairs.keepers(N, codes)[1][[3, 5, 7]].tolist() == [0, 0, 8]

    @given(PAIRS, st.randoms(use_true_random=False))
    def test_are_those_of_a_walk_from_the_best_to_the_last(
        self, found: list[Pair], random: Random
    ) -> None:
        near = {frozenset(pair[:2]) for pair in found}
        expected: list[int] = []
        for at in range(N):
            stay = [keeper for keeper in sorted(set(expected)) if frozenset({at, keeper}) in near]
            expected.append(stay[0] if stay else at)
        shuffled = random.sample(found, len(found))

        assert keepers(shuffled) == expected
