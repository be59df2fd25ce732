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
NONE_NEAR = 255
MAX_NEIGHBOURS = 5_000
"""Hashes before and behind it that one is compared with, of those that agree in the same blocks."""
_MANY = 0.1
"""Share of hashes from which on all are compared with those a number of places behind them."""
_SORT_COST = 12.0
"""Cost of sorting one hash, in comparisons of two."""
_COMPARISON = 6e-9
"""Seconds, measured."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How hashes are cut into blocks, and which choices of blocks there are."""

    radius: int
    blocks: tuple[tuple[int, int], ...]
    """First bit and number of bits of each, from the lowest bit."""
    choices: tuple[tuple[int, ...], ...]

    @property
    def crowded(self) -> tuple[tuple[int, ...], ...]:
        """The few choices that find most copies: k of the first k + 1 blocks."""
        n_agreeing = len(self.choices[0])
        return tuple(choice for choice in self.choices if choice[-1] <= n_agreeing)

    @property
    def others(self) -> tuple[tuple[int, ...], ...]:
        """All choices but the crowded ones, each about the same work."""
        n_agreeing = len(self.choices[0])
        return tuple(choice for choice in self.choices if choice[-1] > n_agreeing)


def plan(n_hashes: int, radius: int) -> Plan:
    """The cheapest way to compare so many hashes of random bits."""
    costs = {k: _cost(n_hashes, radius, k) for k in range(1, MAX_AGREEING + 1)}
    k = min(costs, key=lambda k: costs[k])
    n_blocks = radius + k
    edges = [BITS * place // n_blocks for place in range(n_blocks + 1)]
    blocks = tuple((start, stop - start) for start, stop in pairwise(edges))
    return Plan(radius, blocks, tuple(combinations(range(n_blocks), k)))


def seconds(n_hashes: int, radius: int) -> float:
    """About how long all comparisons take on one core, if the hashes are of random bits."""
    return min(_cost(n_hashes, radius, k) for k in range(1, MAX_AGREEING + 1)) * _COMPARISON


def near_pairs(
    hashes: np.ndarray, planned: Plan, choices: Sequence[tuple[int, ...]]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """
    Places (m x 2) of pairs of different `hashes` within the radius, and their distances, in parts.

    A pair is found by the first of the plan's choices that it agrees in, and by no other. It is
    missed only if more than `MAX_NEIGHBOURS` hashes that agree there too lie between its two, as
    those of a long film may: the work would grow with the square of their number.
    """
    for choice in choices:
        key = _key(hashes, [planned.blocks[block] for block in choice])
        order = np.argsort(key, kind="stable")
        for ones, others, differing in _near(key[order], hashes[order], planned.radius):
            mine = _is_first_choice(differing, planned, choice)
            if mine.any():
                found = np.stack([order[ones[mine]], order[others[mine]]], axis=1)
                yield found, np.bitwise_count(differing[mine])


def _near(
    key: np.ndarray, hashes: np.ndarray, radius: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """
    Places of near `hashes` whose `key` is equal, and the bits they differ in, in parts.

    Both are sorted by `key`. While many have a neighbour of their key at some distance, all are
    compared with those: going through arrays in order is much faster than picking from them.
    """
    n, step = len(key), 1
    while step < min(n, MAX_NEIGHBOURS + 1):
        is_equal = key[step:] == key[:-step]
        if np.count_nonzero(is_equal) < n * _MANY:
            break
        differing = hashes[step:] ^ hashes[:-step]
        at = np.flatnonzero(is_equal & (np.bitwise_count(differing) <= radius))
        yield at, at + step, differing[at]
        step += 1
    else:
        return
    at = np.flatnonzero(is_equal)
    while len(at) and step <= MAX_NEIGHBOURS:
        differing = hashes[at] ^ hashes[at + step]
        near = np.flatnonzero(np.bitwise_count(differing) <= radius)
        yield at[near], at[near] + step, differing[near]
        step += 1
        at = at[at + step < n]
        at = at[key[at] == key[at + step]]


def nearest_of(views: np.ndarray, others: np.ndarray, radius: int) -> np.ndarray:
    """
    Bits between each picture of `views` and the nearest of the hashes `others`, or `NONE_NEAR`.

    `views` is pictures x views, `others` is hashes, both int64; beyond `radius` nothing is near.
    """
    mine, places = np.unique(views.ravel().view(np.uint64), return_inverse=True)
    hashes = np.union1d(mine, others.view(np.uint64))
    hashes = hashes[~np.isin(hashes, np.array(FLAT, dtype=np.int64).view(np.uint64))]
    is_mine, is_other = np.isin(hashes, mine), np.isin(hashes, others.view(np.uint64))
    nearest = np.full(len(hashes), NONE_NEAR, dtype=np.uint8)
    nearest[is_mine & is_other] = 0
    planned = plan(len(hashes), radius)
    for pairs, distances in near_pairs(hashes, planned, planned.choices):
        for one, other in ((0, 1), (1, 0)):
            crosses = is_other[pairs[:, other]]
            np.minimum.at(nearest, pairs[crosses, one], distances[crosses])
    of_mine = np.full(len(mine), NONE_NEAR, dtype=np.uint8)
    of_mine[np.isin(mine, hashes)] = nearest[is_mine]
    smallest: np.ndarray = of_mine[places].reshape(views.shape).min(axis=1)
    return smallest


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
