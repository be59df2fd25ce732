"""Nearness of pictures to each other, by the cosine of their vectors."""

from dataclasses import dataclass
from typing import Self

import numpy as np

BLOCK = 1_024
"""Vectors compared at once with all others of their group: 4 kB each for 1,024 others."""
K = 10
KEPT = 4
"""Times `k` neighbours are looked at, so that `k` are left without the doubtful ones."""
DOUBTFUL = 0.2
"""Share of a group that seem strangers; they are nobody's neighbours, but have some themselves."""
ROUNDS = 2
"""Times the doubtful are chosen anew, each time by neighbours without those of the time before."""
MIN_SAMPLE = 30
"""Vectors from which the spread within groups can be told."""
TRIMMED = 0.1
"""Share of each group's vectors, the furthest from its middle, that say nothing of its spread."""
SHRINKAGE = 0.9
"""How much of the spread is taken to be the same in all directions."""


def nearness(vectors: np.ndarray, groups: np.ndarray, k: int = K) -> np.ndarray:
    """
    Mean cosine similarity of each vector to the `k` nearest others of its group, float64.

    A picture that shows something else than its group has a low one. The fifth of the group that
    has the lowest is nobody's neighbour, so that strangers of one kind do not vouch for each
    other. Takes n x n x d operations for a group of n, and memory for its vectors as float32, for
    `BLOCK` x n similarities and for `KEPT` x k neighbours of each.

    Args:
        vectors: n x d, finite; a vector of zeros is near to none.
        groups: n numbers; pictures of the same number are of one group.
        k: neighbours that count; fewer in a group that is smaller.

    Returns:
        n numbers from -1 to 1; NaN of a picture that is alone in its group.
    """
    found = np.full(len(vectors), np.nan)
    for group in np.unique(groups):
        (places,) = np.nonzero(groups == group)
        if len(places) > 1:
            found[places] = _to_trusted(unit(vectors[places]), k, np.zeros(len(places)))
    return found


def margin(
    vectors: np.ndarray, groups: np.ndarray, others: np.ndarray, of_others: np.ndarray, k: int = K
) -> np.ndarray:
    """
    How much nearer each vector is to its own group than to all others, float64.

    It is the mean similarity to the `k` nearest of its group, without the fifth that seems least
    to belong there, less that to the `k` nearest of other groups. A picture that is nearer to
    others than to its own group was likely put into the wrong one.

    Args:
        vectors: n x d, as `nearness` takes them.
        groups: n numbers.
        others: m x d, a sample of the vectors of all groups, of length 1.
        of_others: m numbers, the groups of `others`.
        k: neighbours that count.

    Returns:
        n numbers from -2 to 2; NaN where a group has one vector, or `others` none of another group.
    """
    found = np.full(len(vectors), np.nan)
    units = unit(vectors)
    elsewhere = _to_others(units, groups, others, of_others, k)
    for group in np.unique(groups):
        (places,) = np.nonzero(groups == group)
        if len(places) > 1:
            trusted = _to_trusted(units[places], k, elsewhere[places])
            found[places] = trusted - elsewhere[places]
    return found


@dataclass(frozen=True, slots=True)
class Whitening:
    """
    Makes directions count less in which pictures of one keyword differ from each other anyway.

    Vectors are moved so that the sample's mean is 0, and divided by the spread within groups
    (linear discriminant analysis does the same). The spread is a covariance shrunk towards that of
    a ball (Ledoit and Wolf 2004), by a fixed amount.
    """

    mean: np.ndarray
    matrix: np.ndarray

    @classmethod
    def of(cls, sample: np.ndarray, groups: np.ndarray) -> Self | None:
        """
        Learn from the vectors of a sample, and their groups.

        None where nothing can be learned: from fewer than `MIN_SAMPLE`, from one group, or from
        groups that have no spread.
        """
        if len(sample) < MIN_SAMPLE or len(np.unique(groups)) < 2:  # noqa: PLR2004
            return None
        units = unit(sample)
        rest = np.concatenate([_about_middle(units[groups == one]) for one in np.unique(groups)])
        spread = (rest.T @ rest).astype(np.float64) / len(rest)
        mean_spread = np.trace(spread) / len(spread)
        if not mean_spread > np.finfo(np.float32).eps:
            return None
        shrunk = (1 - SHRINKAGE) * spread
        shrunk[np.diag_indices_from(shrunk)] += SHRINKAGE * mean_spread
        root = np.linalg.inv(np.linalg.cholesky(shrunk)).T
        return cls(units.mean(axis=0), root.astype(np.float32))

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors, float32; those of zeros stay so."""
        units = unit(vectors)
        whitened: np.ndarray = (units - self.mean) @ self.matrix
        return np.where(units.any(axis=1, keepdims=True), whitened, np.float32(0))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors as float32 of length 1; those of zeros stay so."""
    some = vectors.astype(np.float32)
    some /= np.maximum(np.linalg.norm(some, axis=1, keepdims=True), np.float32(1e-12))
    return some


def _about_middle(vectors: np.ndarray) -> np.ndarray:
    """How vectors of a group lie about its middle, without those that are furthest from it."""
    from_median = vectors - np.median(vectors, axis=0)
    distances = np.linalg.norm(from_median, axis=1)
    kept = vectors[distances <= np.quantile(distances, 1 - TRIMMED)]
    about: np.ndarray = kept - kept.mean(axis=0)
    return about


def _to_others(
    some: np.ndarray, groups: np.ndarray, others: np.ndarray, of_others: np.ndarray, k: int
) -> np.ndarray:
    """Mean of the `k` largest similarities of each to `others` of other groups; NaN of none."""
    found = np.full(len(some), np.nan)
    k = min(k, len(others))
    for begin in range(0, len(some) if k else 0, BLOCK):
        part = slice(begin, begin + BLOCK)
        likeness = some[part] @ others.T
        likeness[groups[part, None] == of_others] = -np.inf
        best = np.partition(likeness, -k, axis=1)[:, -k:]
        counts = np.isfinite(best)
        total = np.where(counts, best, 0).sum(axis=1, dtype=np.float64)
        np.divide(total, counts.sum(axis=1), out=found[part], where=counts.any(axis=1))
    return found


def _to_trusted(own: np.ndarray, k: int, elsewhere: np.ndarray) -> np.ndarray:
    """Mean of the `k` largest similarities of each to others that seem to belong to the group."""
    k = min(k, len(own) - 1)
    n_doubtful = int(len(own) * DOUBTFUL)
    places, likeness = _neighbours(own, min(KEPT * k, len(own) - 1))
    found = likeness[:, :k].mean(axis=1, dtype=np.float64)
    for _ in range(ROUNDS if n_doubtful else 0):
        is_trusted = np.ones(len(own), bool)
        is_trusted[np.argpartition(found - elsewhere, n_doubtful - 1)[:n_doubtful]] = False
        found = _mean_of_first(likeness, is_trusted[places], k)
    return found


def _mean_of_first(likeness: np.ndarray, counts: np.ndarray, k: int) -> np.ndarray:
    """Mean of the first `k` in each row that count; the last stands for those that are missing."""
    counts = counts & (np.cumsum(counts, axis=1) <= k)
    n_missing = k - counts.sum(axis=1)
    total = np.where(counts, likeness, 0).sum(axis=1, dtype=np.float64)
    found: np.ndarray = (total + n_missing * likeness[:, -1]) / k
    return found


def _neighbours(own: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of the `n` nearest others of each, the nearest first, and their similarities."""
    places = np.empty((len(own), n), np.int32)
    similarities = np.empty((len(own), n), np.float32)
    for begin in range(0, len(own), BLOCK):
        likeness = own[begin : begin + BLOCK] @ own.T
        rows = np.arange(len(likeness))
        likeness[rows, begin + rows] = -np.inf
        nearest = np.argpartition(likeness, -n, axis=1)[:, -n:]
        some = np.take_along_axis(likeness, nearest, axis=1)
        order = np.argsort(-some, axis=1)
        places[begin : begin + BLOCK] = np.take_along_axis(nearest, order, axis=1)
        similarities[begin : begin + BLOCK] = np.take_along_axis(some, order, axis=1)
    return places, similarities
