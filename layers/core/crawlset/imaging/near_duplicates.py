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
PAIRS_HELD = 4
"""Pairs kept of each hash before they are made into a forest."""
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


def seconds(n_hashes: int, radius: int) -> float:
    """About how long all comparisons take on one core, if the hashes are of random bits."""
    return min(_cost(n_hashes, radius, k) for k in range(1, MAX_AGREEING + 1)) * _COMPARISON


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
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """
    Places (m x 2) of pairs of different `hashes` within the radius, and their distances, in parts.

    A pair is found by the first of the plan's choices that it agrees in, and by no other.
    """
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
                yield np.stack([order[at[mine]], order[at[mine] + step]], axis=1), distance[mine]
            step += 1
            at = at[at + step < len(key)]
            at = at[sorted_keys[at] == sorted_keys[at + step]]


def links(
    hashes: np.ndarray, owners: np.ndarray, planned: Plan, choices: Sequence[tuple[int, ...]]
) -> tuple[np.ndarray, np.ndarray]:
    """
    Pairs (m x 2, fewer than `hashes`) that join all that these choices find near each other,
    but for two hashes of one owner.

    And of each hash the distance to the nearest of another owner, or `NONE_NEAR`. However many
    pairs there are, no more than a few times `hashes` is held of them.
    """
    n = len(hashes)
    nearest = np.full(n, NONE_NEAR, dtype=np.uint8)
    held, n_held = [np.empty((0, 2), dtype=np.int64)], 0
    for found, distances in near_pairs(hashes, planned, choices):
        is_pair = owners[found[:, 0]] != owners[found[:, 1]]
        pairs = found[is_pair]
        for side in (0, 1):
            np.minimum.at(nearest, pairs[:, side], distances[is_pair])
        held.append(pairs)
        n_held += len(pairs)
        if n_held > PAIRS_HELD * max(n, 1_000):
            held = [forest(n, np.concatenate(held))]
            n_held = len(held[0])
    return forest(n, np.concatenate(held)), nearest


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


def forest(n: int, pairs: np.ndarray) -> np.ndarray:
    """Each of `n` with the smallest of its cluster: what joins as much as `pairs` do."""
    roots = clusters(n, pairs)
    members = np.flatnonzero(roots != np.arange(n))
    return np.stack([members, roots[members]], axis=1)


def clusters(n: int, pairs: np.ndarray) -> np.ndarray:
    """
    The smallest member of the cluster of each of `n` places that `pairs` (m x 2) join.

    Union-find, all pairs at once: roots are hooked to smaller ones until none is left to hook.
    """
    roots = np.arange(n)
    while len(pairs):
        joined = roots[pairs]
        pairs = joined[joined[:, 0] != joined[:, 1]]
        np.minimum.at(roots, pairs.max(axis=1), pairs.min(axis=1))
        while (above := roots[roots]).tobytes() != roots.tobytes():
            roots = above
    return roots


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
