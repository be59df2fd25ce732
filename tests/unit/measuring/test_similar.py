"""Pairs of near vectors, against all products that there are."""

import numpy as np
import pytest

from crawlset.imaging.pairs import MAX_BETTER
from crawlset.measuring import similar
from crawlset.measuring.nearness import unit

LEAST = 0.9


def vectors(n: int, d: int, seed: int = 0) -> np.ndarray:
    """Vectors of which many are near another, as float16."""
    random = np.random.default_rng(seed)
    kinds = random.normal(size=(max(n // 3, 1), d)) + 0.5
    some = kinds[random.integers(0, len(kinds), n)] + random.normal(scale=0.35, size=(n, d))
    return some.astype(np.float16)


def in_shares(some: np.ndarray, n_shares: int, least: float = LEAST) -> set[tuple[int, int]]:
    found = set()
    for share in range(n_shares):
        ones, others, _ = similar.similar(some, least, share, n_shares)
        found |= set(zip(ones.tolist(), others.tolist(), strict=True))
    return found


def all_near(some: np.ndarray, least: float = LEAST) -> set[tuple[int, int]]:
    products = unit(some) @ unit(some).T
    ones, others = np.nonzero(np.tril(products, -1) >= least)
    return set(zip(ones.tolist(), others.tolist(), strict=True))


class TestSimilar:
    @pytest.mark.parametrize("d", [40, 300])
    def test_are_all_pairs_above_the_cosine(self, d: int) -> None:
        some = vectors(2_500, d)

        wanted = all_near(some)

        assert len(wanted) > 1_000
        assert in_shares(some, 1) == wanted

    def test_are_the_same_in_any_number_of_shares(self) -> None:
        some = vectors(2_500, 200)

        assert in_shares(some, 1) == in_shares(some, 2) == in_shares(some, 7)

    def test_have_their_cosines(self) -> None:
        some = np.array([[1, 0], [3, 1], [0, 1]], np.float16)

        ones, others, cosines = similar.similar(some, LEAST, 0, 1)

        assert (ones.tolist(), others.tolist()) == ([1], [0])
        assert cosines == pytest.approx([3 / 10**0.5], abs=1e-5)

    def test_are_with_the_best_where_all_are_the_same(self) -> None:
        some = np.ones((10_000, 150), np.float16)

        ones, others, _ = similar.similar(some, LEAST, 0, 1)

        of_last = others[ones == 9_999]
        assert len(of_last) >= MAX_BETTER
        assert set(range(MAX_BETTER)) <= set(of_last.tolist())

    def test_are_none_of_pictures_without_vector(self) -> None:
        assert in_shares(np.zeros((5, 8), np.float16), 1) == set()
        assert in_shares(np.zeros((5, 0), np.float16), 1) == set()


class TestNearest:
    def test_are_the_nearest_of_those_worth_more(self) -> None:
        some = vectors(1_500, 60)
        products = unit(some) @ unit(some).T
        wanted = {
            (one, int(other))
            for one in range(1, len(some))
            for other in np.argsort(-products[one, :one])[: similar.N_NEAREST]
            if products[one, other] >= similar.LEAST_NEAREST
        }

        ones, others, _ = similar.nearest(some, 0, 1)

        assert set(zip(ones.tolist(), others.tolist(), strict=True)) == wanted

    def test_are_found_in_fewer_dimensions(self) -> None:
        some = vectors(1_200, 500)

        found: set[tuple[int, int]] = set()
        for share in range(3):
            ones, others, _ = similar.nearest(some, share, 3)
            found |= set(zip(ones.tolist(), others.tolist(), strict=True))

        likely = all_near(some)
        assert len(likely) > 500
        assert len(likely & found) / len(likely) > 0.99

    def test_are_few_where_all_are_the_same(self) -> None:
        ones, _, _ = similar.nearest(np.ones((3_000, 20), np.float16), 0, 1)

        assert np.bincount(ones).max() == similar.N_NEAREST


@pytest.mark.parametrize(("n", "shares"), [(0, 0), (1, 0), (2, 1), (1_000_000, 40)])
def test_shares_grow_with_the_pictures(n: int, shares: int) -> None:
    assert similar.n_shares(n) == shares
