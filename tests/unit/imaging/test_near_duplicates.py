"""Pairs of near hashes, held against all pairs looked at one by one."""

import numpy as np
import pytest

from crawlset.imaging.candidates import grouped
from crawlset.imaging.near_duplicates import near_pairs, plan

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
    hashes = grouped(views).hashes
    expected = {
        (one, other): (int(hashes[one]) ^ int(hashes[other])).bit_count()
        for one in range(len(hashes))
        for other in range(one)
        if (int(hashes[one]) ^ int(hashes[other])).bit_count() <= radius
    }
    planned = plan(len(hashes), radius)

    found: list[tuple[tuple[int, int], int]] = []
    for share in (planned.crowded, *(planned.others[at::n_shares] for at in range(n_shares))):
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
