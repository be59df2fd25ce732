"""
Candidates for near duplicates: pairs of images of which some view's hash is near some view's.

However many images share a hash or lie close together, an image becomes a candidate with a bounded
number of others, the best of them. What is left out can only keep a picture, not throw it away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from crawlset.imaging import near_duplicates, pairs
from crawlset.imaging.near_duplicates import FLAT, Plan

SMALL_GROUP = 16
"""In groups of so many images that share a hash, all are candidates with all."""
LEADERS = 4
"""In larger groups, all are candidates with so many that are most worth keeping."""
MORE_LEADERS = 64
"""And with so many, those that are near none of the first."""
PAIRS_A_CHOICE = 1_000
"""Pairs of a choice of blocks that are looked at, at least."""
IMAGES_A_PAIR = 40
"""Images for each further pair of a choice; where all choices find so many, a million images take
40 shares of 11 minutes."""
FALSE_RATE = 2e-6
"""Share of all pairs of different photographs that have near hashes, measured."""
_PAIRS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Groups:
    """The m different hashes of n images, and which images share each."""

    n: int
    hashes: np.ndarray
    """m, uint64, sorted."""
    starts: np.ndarray
    """m + 1: where the images of each hash begin in `members`."""
    members: np.ndarray
    """Ranks of images, in each group ascending."""

    @cached_property
    def sizes(self) -> np.ndarray:
        """m: number of images that have each hash."""
        return np.diff(self.starts)


def grouped(views: np.ndarray) -> Groups:
    """
    Group images by the hashes of their views, without those of pictures that have no structure.

    `views` is images x views, int64; an image's row is its rank.
    """
    n, n_views = views.shape
    flat = views.ravel()
    is_kept = ~np.isin(flat, np.array(FLAT, dtype=np.int64))
    hashes = flat[is_kept].view(np.uint64)
    ranks = np.flatnonzero(is_kept) // n_views
    order = np.argsort(hashes, kind="stable")
    hashes, ranks = hashes[order], ranks[order].astype(np.int32)
    is_new_hash = np.ones(len(hashes), dtype=bool)
    is_new_hash[1:] = hashes[1:] != hashes[:-1]
    is_new = is_new_hash.copy()
    is_new[1:] |= ranks[1:] != ranks[:-1]
    starts = np.append(np.flatnonzero(is_new_hash[is_new]), is_new.sum())
    return Groups(n, hashes[is_new_hash], starts, ranks[is_new])


def bits(groups: Groups, ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Bits between the nearest hashes of each pair of images; 64 where one has none."""
    order = np.argsort(groups.members, kind="stable")
    hashes = np.repeat(groups.hashes, groups.sizes)[order]
    counts = np.bincount(groups.members, minlength=groups.n)
    starts = np.cumsum(counts) - counts
    nearest = np.full(len(ones), near_duplicates.BITS, dtype=np.int64)
    most = int(counts.max(initial=0))
    for mine, theirs in product(range(most), repeat=2):
        has = np.flatnonzero((mine < counts[ones]) & (theirs < counts[others]))
        differing = hashes[starts[ones[has]] + mine] ^ hashes[starts[others[has]] + theirs]
        nearest[has] = np.minimum(nearest[has], np.bitwise_count(differing))
    return nearest


def near(groups: Groups, planned: Plan, choice: tuple[int, ...]) -> np.ndarray:
    """Packed pairs of images with near hashes that agree in this choice of blocks, sorted."""
    held, n_held = [np.empty(0, dtype=np.int64)], 0
    for found, distances in near_duplicates.near_pairs(groups.hashes, planned, [choice]):
        for codes in _between(groups, found, distances):
            held.append(codes)
            n_held += len(codes)
            if n_held > _PAIRS_AT_ONCE:
                held = [pairs.best(groups.n, np.concatenate(held))]
                n_held = len(held[0])
    return pairs.best(groups.n, np.concatenate(held))


def nearest(groups: Groups, codes: np.ndarray) -> np.ndarray:
    """Drop the farthest of the pairs of a choice where images lie so close that there are many."""
    most = max(PAIRS_A_CHOICE, groups.n // IMAGES_A_PAIR)
    if len(codes) <= most:
        return codes
    distances = pairs.unpacked(groups.n, codes)[2]
    return np.sort(codes[np.argsort(distances, kind="stable")[:most]])


def equal(groups: Groups, is_asked: np.ndarray) -> np.ndarray:
    """
    Packed pairs of images that share a hash: of small groups all, of larger ones with leaders.

    `is_asked` says of each image whether pairs with better ones are wanted.
    """
    shared = np.flatnonzero(groups.sizes > 1)
    sizes = groups.sizes[shared]
    leaders = np.where(sizes <= SMALL_GROUP, sizes, LEADERS)
    return _with_leaders(groups, shared, np.zeros_like(leaders), leaders, is_asked)


def equal_beyond(groups: Groups, is_asked: np.ndarray) -> np.ndarray:
    """Packed pairs with further leaders of the large groups; `is_asked` as in `equal`."""
    large = np.flatnonzero(groups.sizes > SMALL_GROUP)
    leaders = np.full(len(large), MORE_LEADERS)
    return _with_leaders(groups, large, np.full(len(large), LEADERS), leaders, is_asked)


def count(groups: Groups) -> int:
    """About how many pairs there are to look at, in all."""
    sizes = groups.sizes
    of_small = sizes[sizes <= SMALL_GROUP]
    n_equal = (of_small * (of_small - 1) // 2).sum() + LEADERS * sizes[sizes > SMALL_GROUP].sum()
    return int(n_equal) + groups.n + int(FALSE_RATE * groups.n * groups.n / 2)


def _with_leaders(
    groups: Groups,
    which: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    is_asked: np.ndarray,
) -> np.ndarray:
    """Pair the members of these groups with those at the places `first` to `last` before them."""
    sizes = groups.sizes[which]
    place = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    start = np.repeat(groups.starts[which], sizes)
    members = groups.members[start + place]
    begin, end = np.repeat(first, sizes), np.minimum(np.repeat(last, sizes), place)
    is_paired = (end > begin) & is_asked[members]
    start, members = start[is_paired], members[is_paired]
    begin, end = begin[is_paired], end[is_paired]
    held = [np.empty(0, dtype=np.int64)]
    for at in range(int(end.max(initial=0))):
        has = (begin <= at) & (at < end)
        ones, others = members[has], groups.members[start[has] + at]
        held.append(pairs.packed(groups.n, ones, others, np.zeros(len(ones), dtype=np.int64)))
    return pairs.best(groups.n, np.concatenate(held))


def _between(groups: Groups, found: np.ndarray, distances: np.ndarray) -> Iterator[np.ndarray]:
    """Packed pairs of the images that have one hash of a pair and those that have the other."""
    sizes = groups.sizes[found]
    is_small = sizes.max(axis=1, initial=0) <= SMALL_GROUP
    yield from _products(groups, found[is_small], distances[is_small], SMALL_GROUP)
    large, bits = found[~is_small], distances[~is_small]
    yield from _products(groups, large, bits, LEADERS)
    yield from _products(groups, large[:, ::-1], bits, LEADERS)


def _products(
    groups: Groups, found: np.ndarray, distances: np.ndarray, most: int
) -> Iterator[np.ndarray]:
    """Packed pairs of all that have the first hash and the `most` best that have the second."""
    if not len(found):
        return
    n_ones = groups.sizes[found[:, 0]]
    n_others = np.minimum(groups.sizes[found[:, 1]], most)
    n_pairs = n_ones * n_others
    part = np.cumsum(n_pairs) // _PAIRS_AT_ONCE
    for rows in np.split(np.arange(len(found)), np.flatnonzero(np.diff(part)) + 1):
        of_row = np.repeat(rows, n_pairs[rows])
        ends = np.cumsum(n_pairs[rows])
        place = np.arange(ends[-1]) - np.repeat(ends - n_pairs[rows], n_pairs[rows])
        one, other = np.divmod(place, n_others[of_row])
        ones = groups.members[groups.starts[found[of_row, 0]] + one]
        others = groups.members[groups.starts[found[of_row, 1]] + other]
        differ = ones != others
        yield pairs.packed(groups.n, ones[differ], others[differ], distances[of_row][differ])
