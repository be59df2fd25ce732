"""Nearness to the others of a group, and how much nearer than to those of other groups."""

import numpy as np
import pytest

from crawlset.measuring import nearness as module
from crawlset.measuring.nearness import nearness, nearness_to_others

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


class TestNearnessToOthers:
    def test_is_the_mean_cosine_to_the_nearest_of_other_groups(self) -> None:
        found = nearness_to_others(
            vectors(RIGHT, UP), np.zeros(2), vectors(UP, RIGHT, RIGHT), np.array([1, 1, 0]), k=1
        )

        assert found.tolist() == [1.0, 1.0]

    def test_leaves_the_own_group_out(self) -> None:
        found = nearness_to_others(
            vectors(RIGHT, UP), np.array([0, 1]), vectors(UP, RIGHT), np.array([1, 0])
        )

        assert found.tolist() == [0.0, 0.0]

    def test_is_not_known_without_another_group(self) -> None:
        found = nearness_to_others(vectors(RIGHT, UP), np.zeros(2), vectors(RIGHT), np.zeros(1))

        assert np.isnan(found).all()
