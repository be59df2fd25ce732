"""
Every pair of pictures whose perceptual hashes are near each other: exact, and without an index.

Of two hashes that differ in at most `radius` bits, cut into `radius` + k blocks, at least k blocks
are equal. So for each choice of k blocks the hashes are sorted by these blocks, and only neighbours
that agree in them are compared. A choice is work of its own, which may be done elsewhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import comb

import numpy as np

BITS = 64
MAX_AGREEING = 5
FLAT = (0, -1, -(1 << 63), (1 << 63) - 1)
"""Hashes of pictures without any structure: what they have in common is nothing."""
_SORT_COST = 12.0
"""Of sorting one hash, in comparisons of two."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How hashes are cut into blocks, and which choices of blocks there are."""

    radius: int
    blocks: tuple[tuple[int, int], ...]
    """First bit and number of bits of each, from the lowest bit."""
    choices: tuple[tuple[int, ...], ...]

    def shares(self, n: int) -> Iterator[tuple[tuple[int, ...], ...]]:
        """The choices in `n` shares of equal work."""
        return (self.choices[start::n] for start in range(min(n, len(self.choices))))


def plan(n_hashes: int, radius: int) -> Plan:
    """The cheapest way to compare so many hashes of random bits."""
    costs = {k: _cost(n_hashes, radius, k) for k in range(1, MAX_AGREEING + 1)}
    k = min(costs, key=lambda k: costs[k])
    n_blocks = radius + k
    edges = [BITS * place // n_blocks for place in range(n_blocks + 1)]
    blocks = tuple((start, stop - start) for start, stop in pairwise(edges))
    return Plan(radius, blocks, tuple(combinations(range(n_blocks), k)))


def unique_hashes(views: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    The different hashes of pictures given by `views` (pictures x views, int64), without flat ones.

    Gives them (uint64), a picture that has each, and the pairs of pictures (m x 2) of which each
    has a hash of the other: joined one to the next, so that n equal ones make n - 1 pairs.
    """
    n_views = views.shape[1]
    flat = views.ravel()
    order = np.argsort(flat, kind="stable")
    ordered, owners = flat[order], order // n_views
    is_kept = ~np.isin(ordered, np.array(FLAT, dtype=np.int64))
    ordered, owners = ordered[is_kept], owners[is_kept]
    is_first = np.ones(len(ordered), dtype=bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    is_again = ~is_first[1:] & (owners[1:] != owners[:-1])
    again = np.flatnonzero(is_again)
    equal = np.stack([owners[again], owners[again + 1]], axis=1)
    return ordered[is_first].view(np.uint64), owners[is_first], equal


def near_pairs(
    hashes: np.ndarray, planned: Plan, choices: Sequence[tuple[int, ...]]
) -> tuple[np.ndarray, np.ndarray]:
    """
    Places (m x 2) of pairs of different `hashes` within the radius, and their distances.

    A pair is found by the first of the plan's choices that it agrees in, and by no other.
    """
    pairs, distances = [], []
    for choice in choices:
        key = _key(hashes, [planned.blocks[block] for block in choice])
        order = np.argsort(key, kind="stable")
        sorted_keys, sorted_hashes = key[order], hashes[order]
        at = np.flatnonzero(sorted_keys[1:] == sorted_keys[:-1])
        step = 1
        while len(at):
            differing = sorted_hashes[at] ^ sorted_hashes[at + step]
            distance = np.bitwise_count(differing)
            near = np.flatnonzero(distance <= planned.radius)
            if len(near):
                mine = near[_is_first_choice(differing[near], planned, choice)]
                pairs.append(np.stack([order[at[mine]], order[at[mine] + step]], axis=1))
                distances.append(distance[mine])
            step += 1
            at = at[at + step < len(key)]
            at = at[sorted_keys[at] == sorted_keys[at + step]]
    if not pairs:
        return np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=np.uint8)
    return np.concatenate(pairs), np.concatenate(distances)


def clusters(n: int, pairs: np.ndarray) -> np.ndarray:
    """The smallest member of the cluster of each of `n` pictures that `pairs` (m x 2) join."""
    parents = list(range(n))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = place = parents[parents[place]]
        return place

    for pair in pairs.tolist():
        low, high = sorted(map(root, pair))
        parents[high] = low
    return np.array([root(place) for place in range(n)], dtype=np.int64)


def _cost(n: int, radius: int, k: int) -> float:
    n_bits = BITS * k / (radius + k)
    return comb(radius + k, k) * (n * _SORT_COST + n * n / 2 ** (n_bits + 1))


def _key(hashes: np.ndarray, blocks: Sequence[tuple[int, int]]) -> np.ndarray:
    """The bits of these blocks side by side, in the smallest type that holds them."""
    key = np.zeros(len(hashes), dtype=np.uint64)
    n_bits = 0
    for start, size in blocks:
        mask = np.uint64((1 << size) - 1)
        key |= ((hashes >> np.uint64(start)) & mask) << np.uint64(n_bits)
        n_bits += size
    return key.astype(np.uint16 if n_bits <= 16 else np.uint32)  # noqa: PLR2004


def _is_first_choice(differing: np.ndarray, planned: Plan, choice: tuple[int, ...]) -> np.ndarray:
    """Whether no block before the last of `choice` agrees but those of `choice`."""
    is_first = np.ones(len(differing), dtype=bool)
    for block in range(choice[-1]):
        if block not in choice:
            start, size = planned.blocks[block]
            mask = np.uint64(((1 << size) - 1) << start)
            is_first &= (differing & mask) != 0
    return is_first
