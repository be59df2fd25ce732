"""Pairs of near hashes, held against all pairs looked at one by one."""

import numpy as np
import pytest

from crawlset.imaging import near_duplicates
from crawlset.imaging.near_duplicates import (
    NONE_NEAR,
    clusters,
    forest,
    links,
    near_pairs,
    plan,
    unique_hashes,
)

MASK = (1 << 64) - 1


@pytest.fixture
def views() -> np.ndarray:
    """300 pictures of four random hashes; every second has one that is 0 to 13 bits from one."""
    random = np.random.default_rng(7)
    views = random.integers(-(2**63), 2**63 - 1, size=(300, 4), dtype=np.int64)
    for place in range(0, 300, 2):
        hash_ = int(views[place, 0]) & MASK
        for bit in random.choice(64, random.integers(0, 14), replace=False):
            hash_ ^= 1 << int(bit)
        views[place + 1, random.integers(0, 4)] = np.uint64(hash_).astype(np.int64)
    return views


@pytest.mark.parametrize("radius", [0, 1, 4, 8, 10, 12])
@pytest.mark.parametrize("n_shares", [1, 7])
def test_finds_every_pair_once(views: np.ndarray, radius: int, n_shares: int) -> None:
    hashes, _, _ = unique_hashes(views)
    expected = {
        (one, other): (int(hashes[one]) ^ int(hashes[other])).bit_count()
        for one in range(len(hashes))
        for other in range(one)
        if (int(hashes[one]) ^ int(hashes[other])).bit_count() <= radius
    }
    planned = plan(len(hashes), radius)

    found: list[tuple[tuple[int, int], int]] = []
    for share in planned.shares(n_shares):
        for pairs, distances in near_pairs(hashes, planned, share):
            ordered = [(max(pair), min(pair)) for pair in pairs.tolist()]
            found += zip(ordered, distances.tolist(), strict=True)

    assert dict(found) == expected
    assert len(found) == len(expected)


@pytest.mark.parametrize("n_hashes", [10, 10_000, 4_000_000])
def test_takes_more_blocks_for_more_hashes(n_hashes: int) -> None:
    planned = plan(n_hashes, 10)

    assert sum(size for _, size in planned.blocks) == 64
    assert len(planned.blocks) - 10 == len(planned.choices[0])


def test_joins_equal_hashes_one_to_the_next() -> None:
    views = np.array([[5, 6], [7, 5], [5, 5], [8, 9]], dtype=np.int64)

    hashes, owners, equal = unique_hashes(views)

    assert hashes.tolist() == [5, 6, 7, 8, 9]
    assert owners.tolist() == [0, 0, 1, 3, 3]
    assert sorted(map(sorted, equal.tolist())) == [[0, 1], [1, 2]]


def test_leaves_out_what_flat_pictures_have_in_common() -> None:
    views = np.array([[near_duplicates.FLAT[2], 1], [near_duplicates.FLAT[2], 2]], dtype=np.int64)

    hashes, _, equal = unique_hashes(views)

    assert (hashes.tolist(), equal.tolist()) == ([1, 2], [])


def test_clusters_are_what_hangs_together() -> None:
    pairs = np.array([[1, 2], [5, 2], [3, 4]])

    assert clusters(7, pairs).tolist() == [0, 1, 1, 3, 3, 1, 6]


def test_clusters_long_chains_in_any_order() -> None:
    random = np.random.default_rng(3)
    names = random.permutation(1_000)
    pairs = random.permutation(np.stack([names[:-1], names[1:]], axis=1))

    assert set(clusters(1_000, pairs).tolist()) == {0}


def test_a_forest_joins_what_its_pairs_join() -> None:
    random = np.random.default_rng(5)
    pairs = random.integers(0, 400, size=(300, 2))

    slender = forest(400, pairs)

    assert len(slender) < 400
    assert clusters(400, slender).tolist() == clusters(400, pairs).tolist()


def test_links_are_few_however_many_pairs_there_are() -> None:
    """2,000 hashes, all near each other, make two million pairs."""
    low = np.arange(2_000, dtype=np.uint64)
    hashes, owners = low | np.uint64(1 << 40), np.arange(2_000)
    planned = plan(len(hashes), 12)

    pairs, nearest = links(hashes, owners, planned, planned.choices)

    assert len(pairs) == 1_999
    assert set(nearest.tolist()) == {1}


def test_links_no_two_views_of_one_picture() -> None:
    hashes, owners = np.array([1, 3, 1 << 50], dtype=np.uint64), np.array([0, 0, 1])
    planned = plan(len(hashes), 2)

    pairs, nearest = links(hashes, owners, planned, planned.choices)

    assert pairs.tolist() == [[2, 0]]
    assert nearest.tolist() == [2, NONE_NEAR, 2]
