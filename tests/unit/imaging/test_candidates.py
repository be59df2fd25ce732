"""Candidates for near duplicates, of few images and of thousands that share a hash."""

from itertools import combinations

import numpy as np
import pytest

from crawlset.imaging import candidates, near_duplicates, pairs
from crawlset.imaging.candidates import LEADERS, MORE_LEADERS, SMALL_GROUP, Groups, grouped

MANY = 5_000
RADIUS = 10


def found(groups: Groups, codes: np.ndarray) -> set[tuple[int, int, int]]:
    """The image worth less, the one worth more, and their distance."""
    columns = pairs.unpacked(groups.n, codes)
    return set(zip(*(column.tolist() for column in columns), strict=True))


def near(groups: Groups) -> np.ndarray:
    planned = near_duplicates.plan(len(groups.hashes), RADIUS)
    return np.concatenate([candidates.near(groups, planned, each) for each in planned.choices])


def asked(groups: Groups) -> np.ndarray:
    return np.ones(groups.n, dtype=bool)


class TestGrouped:
    def test_has_the_images_of_each_hash_once(self) -> None:
        groups = grouped(np.array([[5, 6], [7, 5], [5, 5], [-8, 9]], dtype=np.int64))

        members = np.split(groups.members, groups.starts[1:-1])
        by_hash = zip(groups.hashes.tolist(), (each.tolist() for each in members), strict=True)
        assert dict(by_hash) == {5: [0, 1, 2], 6: [0], 7: [1], 9: [3], (1 << 64) - 8: [3]}

    def test_leaves_out_what_flat_pictures_have_in_common(self) -> None:
        flat = near_duplicates.FLAT[2]

        groups = grouped(np.array([[flat, 1], [flat, 2]], dtype=np.int64))

        assert groups.hashes.tolist() == [1, 2]

    @pytest.mark.parametrize("n", [0, 1])
    def test_has_nothing_of_no_hashes(self, n: int) -> None:
        groups = grouped(np.full((n, 5), near_duplicates.FLAT[0], dtype=np.int64))

        assert (groups.hashes.tolist(), groups.starts.tolist()) == ([], [0])
        assert candidates.equal(groups, asked(groups)).tolist() == []


class TestEqual:
    @pytest.mark.parametrize("n", [2, SMALL_GROUP])
    def test_has_all_pairs_of_a_small_group_once(self, n: int) -> None:
        groups = grouped(np.full((n, 5), 77, dtype=np.int64))

        assert found(groups, candidates.equal(groups, asked(groups))) == {
            (lesser, better, 0) for better, lesser in combinations(range(n), 2)
        }

    def test_grows_with_the_number_of_images_and_not_with_its_square(self) -> None:
        groups = grouped(np.full((MANY, 5), 77, dtype=np.int64))

        equal = candidates.equal(groups, asked(groups))

        assert len(equal) == LEADERS * MANY - LEADERS * (LEADERS + 1) // 2
        assert set(pairs.unpacked(MANY, equal)[1].tolist()) == set(range(LEADERS))

    def test_asks_more_leaders_about_what_the_first_left(self) -> None:
        groups = grouped(np.full((MANY, 2), 77, dtype=np.int64))
        is_asked = np.zeros(MANY, dtype=bool)
        is_asked[[20, 300]] = True

        beyond = found(groups, candidates.equal_beyond(groups, is_asked))

        most = pairs.MAX_BETTER
        assert beyond == {
            *((20, better, 0) for better in range(LEADERS, 20)),
            *((300, better, 0) for better in range(LEADERS, MORE_LEADERS)[:most]),
        }


class TestNear:
    def test_has_the_images_of_either_hash_and_their_distance(self) -> None:
        one, other, far = 0x0F0F_1234_5678_9ABC, 0x0F0F_1234_5678_9ABF, 0x7333_3333_0000_FFFF
        views = [[one, far], [other, far], [one, 1 << 40], [1 << 20, other ^ 4]]
        groups = grouped(np.array(views, dtype=np.int64))

        assert found(groups, near(groups)) == {
            (1, 0, 2), (2, 1, 2), (3, 0, 3), (3, 1, 1), (3, 2, 2), (3, 2, 3),
        }  # fmt: skip

    def test_of_large_groups_has_the_best_of_the_other(self) -> None:
        one, other = 0x0F0F_1234_5678_9ABC, 0x0F0F_1234_5678_9ABF
        views = np.array([[(one, other)[at % 2]] for at in range(MANY)], dtype=np.int64)
        groups = grouped(views)

        codes = near(groups)

        lesser, better, distances = pairs.unpacked(MANY, codes)
        assert set(distances.tolist()) == {2}
        assert ((lesser - better) % 2 == 1).all()
        assert np.bincount(lesser, minlength=MANY).tolist()[2 * LEADERS :] == [LEADERS] * (
            MANY - 2 * LEADERS
        )

    def test_is_bounded_where_all_hashes_are_near(self) -> None:
        """2,000 images, each with a hash of its own, make two million pairs."""
        n = 2_000
        groups = grouped((np.arange(n, dtype=np.int64) | (1 << 40))[:, None])
        planned = near_duplicates.plan(n, 12)

        by_choice = [candidates.near(groups, planned, each) for each in planned.choices]
        codes = max(by_choice, key=len)
        nearest = candidates.nearest(groups, codes)

        lesser, _, distances = pairs.unpacked(n, codes)
        assert np.bincount(lesser).max() == pairs.MAX_BETTER
        assert len(nearest) == candidates.PAIRS_A_CHOICE
        assert nearest.tolist() == sorted(nearest.tolist())
        farthest = pairs.unpacked(n, nearest)[2].max()
        assert np.sort(distances)[candidates.PAIRS_A_CHOICE - 1] == farthest
