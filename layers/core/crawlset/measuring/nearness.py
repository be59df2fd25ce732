"""Nearness of pictures to each other, by the cosine of their vectors."""

import numpy as np

BLOCK = 1_024
"""Vectors compared at once with all others of their group: 4 kB each for 1,024 others."""
K = 10


def nearness(vectors: np.ndarray, groups: np.ndarray, k: int = K) -> np.ndarray:
    """
    Mean cosine similarity of each vector to the `k` nearest others of its group, float64.

    A picture that shows something else than its group has a low one. Takes n x n x d operations
    for a group of n, and memory for its vectors as float32 and for `BLOCK` x n similarities.

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
            own = unit(vectors[places])
            found[places] = _nearest(own, own, min(k, len(places) - 1), is_self=True)
    return found


def nearness_to_others(
    vectors: np.ndarray, groups: np.ndarray, others: np.ndarray, of_others: np.ndarray, k: int = K
) -> np.ndarray:
    """
    Mean cosine similarity of each vector to the `k` nearest of all other groups, float64.

    A picture that is nearer to others than to its own group was likely put into the wrong one.

    Args:
        vectors: n x d, as `nearness` takes them.
        groups: n numbers.
        others: m x d, a sample of the vectors of all groups.
        of_others: m numbers, the groups of `others`.
        k: neighbours that count.

    Returns:
        n numbers from -1 to 1; NaN where none of `others` is of another group.
    """
    found = np.full(len(vectors), np.nan)
    for group in np.unique(groups):
        (places,) = np.nonzero(groups == group)
        far = unit(others[of_others != group])
        if len(far):
            found[places] = _nearest(unit(vectors[places]), far, min(k, len(far)), is_self=False)
    return found


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors as float32 of length 1; those of zeros stay so."""
    some = vectors.astype(np.float32)
    some /= np.maximum(np.linalg.norm(some, axis=1, keepdims=True), np.float32(1e-12))
    return some


def _nearest(some: np.ndarray, others: np.ndarray, k: int, *, is_self: bool) -> np.ndarray:
    """Mean of the `k` largest similarities of each of `some`; with `is_self` not to itself."""
    found = np.empty(len(some))
    for begin in range(0, len(some), BLOCK):
        block = some[begin : begin + BLOCK]
        likeness = block @ others.T
        if is_self:
            rows = np.arange(len(block))
            likeness[rows, begin + rows] = -np.inf
        found[begin : begin + BLOCK] = np.partition(likeness, -k, axis=1)[:, -k:].mean(axis=1)
    return found
