"""Nearness to the others of a group, and how much nearer than to those of other groups."""

import numpy as np
import pytest

from crawlset.measuring import nearness as module
from crawlset.measuring.nearness import Whitening, margin, nearness, unit
from tests.bench.measurers import auroc

RIGHT, UP, LEFT = (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)


def vectors(*rows) -> np.ndarray:
    return np.array(rows, np.float16)


class TestNearness:
    def test_is_the_mean_cosine_to_the_nearest_others(self) -> None:
        found = nearness(vectors(RIGHT, RIGHT, UP, LEFT), np.zeros(4), k=2)

        assert found.tolist() == [0.5, 0.5, 0.0, -0.5]

    def test_compares_within_groups_alone(self) -> None:
        found = nearness(vectors(RIGHT, UP, RIGHT, UP), np.array([1, 2, 1, 2]))

        assert found.tolist() == [1.0, 1.0, 1.0, 1.0]

    def test_takes_two_pictures(self) -> None:
        assert nearness(vectors(RIGHT, UP), np.zeros(2)).tolist() == [0.0, 0.0]

    def test_says_nothing_of_one_that_is_alone(self) -> None:
        found = nearness(vectors(RIGHT, RIGHT, UP), np.array([1, 1, 2]))

        assert np.isnan(found).tolist() == [False, False, True]

    def test_takes_no_pictures(self) -> None:
        assert nearness(np.empty((0, 5)), np.empty(0)).tolist() == []

    def test_leaves_lengths_out(self) -> None:
        found = nearness(vectors((60_000, 60_000), (0.001, 0.001)), np.zeros(2))

        assert found.tolist() == pytest.approx([1.0, 1.0], abs=1e-5)

    def test_takes_vectors_of_zeros(self) -> None:
        assert nearness(vectors((0, 0), RIGHT), np.zeros(2)).tolist() == [0.0, 0.0]

    def test_is_the_same_in_blocks(self, monkeypatch) -> None:
        some = np.random.default_rng(1).normal(size=(50, 8))
        whole = nearness(some, np.arange(50) % 2)

        monkeypatch.setattr(module, "BLOCK", 7)

        assert np.allclose(nearness(some, np.arange(50) % 2), whole)

    def test_tells_strangers(self) -> None:
        rng = np.random.default_rng(2)
        own = rng.normal(size=(90, 64)) + 2
        strangers = rng.normal(size=(10, 64))

        found = nearness(np.concatenate([own, strangers]), np.zeros(100))

        assert found[:90].min() > found[90:].max()

    def test_lets_no_strangers_vouch_for_each_other(self) -> None:
        rng = np.random.default_rng(2)
        own = rng.normal(size=(90, 64)) + 2
        strangers = rng.normal(size=(10, 64)) - 10 * np.eye(64)[0]

        found = nearness(np.concatenate([own, strangers]), np.zeros(100), k=5)

        assert nearness(strangers, np.zeros(10), k=5).min() > 0.5
        assert found[90:].max() < 0.2 < found[:90].min()

    def test_knows_a_picture_among_strangers_by_the_few_that_are_like_it(self) -> None:
        own, strangers = [RIGHT] * 4, [LEFT] * 4

        found = nearness(vectors(*own, *strangers, UP, UP), np.zeros(10), k=3)

        assert found[:4].tolist() == [1.0] * 4


class TestMargin:
    def test_is_how_much_nearer_the_nearest_of_the_group_are_than_the_nearest_others(self) -> None:
        found = margin(
            vectors(RIGHT, RIGHT, UP), np.zeros(3), vectors(UP, LEFT), np.array([1, 1]), k=1
        )

        assert found.tolist() == [1.0, 1.0, -1.0]

    def test_leaves_the_own_group_out_of_the_others(self) -> None:
        found = margin(vectors(UP, UP), np.zeros(2), vectors(UP, RIGHT), np.array([0, 1]))

        assert found.tolist() == [1.0, 1.0]

    def test_is_not_known_without_another_group(self) -> None:
        found = margin(vectors(RIGHT, UP), np.zeros(2), vectors(RIGHT), np.zeros(1))

        assert np.isnan(found).all()

    def test_is_not_known_of_one_that_is_alone(self) -> None:
        found = margin(vectors(RIGHT), np.zeros(1), vectors(UP), np.ones(1))

        assert np.isnan(found).all()


class TestWhitening:
    def test_makes_directions_count_less_in_which_a_group_differs(self) -> None:
        rng = np.random.default_rng(3)
        groups = np.arange(200) % 2
        some = rng.normal(size=(200, 16)) * 0.1 + 1
        some[:, 0] += groups
        some[:, 1] += rng.normal(size=200)
        away = some[0] + np.eye(16)[1]

        whitened = Whitening.of(some, groups)

        assert whitened is not None
        assert cosine(whitened(some)[0], whitened(away[None])[0]) > cosine(
            some[0] - some.mean(0), away - some.mean(0)
        )

    def test_finds_more_strangers(self) -> None:
        rng = np.random.default_rng(4)
        groups = np.arange(300) % 3
        noise = rng.normal(size=(300, 32)) * np.where(np.arange(32) < 4, 3, 0.3)
        some = 5 + noise + np.eye(32)[4 + groups] * 1.5
        is_strange = np.arange(300) >= 285
        some[is_strange] -= np.eye(32)[4 + groups[is_strange]] * 1.5
        whitened = Whitening.of(some, groups)

        assert whitened is not None
        found = margin(whitened(some), groups, unit(whitened(some)), groups)
        without = margin(some, groups, unit(some), groups)

        assert auroc(found, is_strange) > auroc(without, is_strange) + 0.05

    def test_leaves_vectors_of_zeros(self) -> None:
        some = np.random.default_rng(5).normal(size=(40, 4))
        some[0] = 0

        whitened = Whitening.of(some, np.arange(40) % 2)

        assert whitened is not None
        assert whitened(some)[0].tolist() == [0, 0, 0, 0]

    @pytest.mark.parametrize(
        ("sample", "groups"),
        [
            pytest.param(np.eye(40), np.zeros(40), id="one group"),
            pytest.param(np.eye(29), np.arange(29) % 2, id="few"),
            pytest.param(np.ones((40, 3)), np.arange(40) % 2, id="all the same"),
            pytest.param(np.zeros((40, 3)), np.arange(40) % 2, id="zeros"),
            pytest.param(np.eye(40), np.arange(40), id="one of each group"),
            pytest.param(np.empty((0, 0)), np.empty(0), id="none"),
        ],
    )
    def test_learns_nothing_from(self, sample: np.ndarray, groups: np.ndarray) -> None:
        assert Whitening.of(sample, groups) is None


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
