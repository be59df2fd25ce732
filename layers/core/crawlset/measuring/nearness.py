"""Nearness of pictures to the others of their group."""

import numpy as np


def nearness(vectors: np.ndarray, groups: np.ndarray, k: int = 10) -> np.ndarray:
    """
    Mean cosine similarity of each vector to the `k` nearest others of its group, float64.

    Args:
        vectors: n x d; a vector of zeros is near to none.
        groups: n numbers; pictures of the same number are of one group.
        k: neighbours that count; fewer in a group that is smaller.

    Returns:
        n numbers from -1 to 1; NaN of a picture that is alone in its group.
    """
    found = np.full(len(vectors), np.nan)
    for group in np.unique(groups):
        (places,) = np.nonzero(groups == group)
        if len(places) > 1:
            some = vectors[places].astype(np.float32)
            some /= np.maximum(np.linalg.norm(some, axis=1, keepdims=True), 1e-12)
            likeness = some @ some.T
            np.fill_diagonal(likeness, -np.inf)
            n_nearest = min(k, len(places) - 1)
            nearest = np.partition(likeness, -n_nearest, axis=1)[:, -n_nearest:]
            found[places] = nearest.mean(axis=1)
    return found
