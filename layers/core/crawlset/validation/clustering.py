"""Clusters of near duplicates among images, and who of each stays."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from crawlset.imaging import near_duplicates
from crawlset.models import Verdict
from crawlset.sources import licences

FREEDOM = ("cc0", "pdm", "cc-pddc", "us-gov", "no-known-copyright", "cc-by", "cc-by-sa", "cc-by-nd")
"""Families of licences, the freest first; any other comes after them, and none last."""


@dataclass(frozen=True, slots=True)
class Hashed:
    """Images in the order of their ids, by their perceptual hashes."""

    ids: np.ndarray
    views: np.ndarray
    """Images x views, int64."""
    ranks: list[tuple[Any, ...]]
    """The smaller, the more an image is worth keeping."""


@dataclass(frozen=True, slots=True)
class Clustered:
    """Of each image that is in a cluster: its keeper, and how near its nearest neighbour is."""

    members: list[int]
    keepers: list[int]
    distances: list[float]

    def without_keepers(self) -> "Clustered":
        rows = zip(self.members, self.keepers, self.distances, strict=True)
        others = [row for row in rows if row[0] != row[1]]
        return Clustered(
            [member for member, _, _ in others],
            [keeper for _, keeper, _ in others],
            [distance for _, _, distance in others],
        )


def hashed(rows: Iterable[Any]) -> Hashed:
    """From rows of id, phashes, verdict, area and licence."""
    ids, views, ranks = [], [], []
    for row in rows:
        ids.append(row.id)
        views.append(row.phashes)
        ranks.append((row.verdict is not Verdict.keep, -row.area, _freedom(row.licence), row.id))
    array = np.array(views, dtype=np.int64).reshape(len(ids), -1)
    return Hashed(np.array(ids, dtype=np.int64), array, ranks)


def cluster(images: Hashed, radius: int) -> Clustered:
    """
    Images of which some pair of views is within `radius` bits, and whoever is near one of these.

    Each cluster's keeper is what no rule has put aside, the largest, the freest, the earliest.
    """
    if len(images.ids) == 0:
        return Clustered([], [], [])
    hashes, owners, equal = near_duplicates.unique_hashes(images.views)
    planned = near_duplicates.plan(len(hashes), radius)
    pairs, distances = near_duplicates.near_pairs(hashes, planned, planned.choices)
    joining = np.concatenate([equal, owners[pairs]])
    return joined(images, joining, np.concatenate([np.zeros(len(equal)), distances]))


def joined(images: Hashed, pairs: np.ndarray, distances: np.ndarray) -> Clustered:
    """The clusters that pairs (m x 2) of places in `images` make."""
    n = len(images.ids)
    is_pair = pairs[:, 0] != pairs[:, 1]
    pairs, distances = pairs[is_pair], distances[is_pair]
    roots = near_duplicates.clusters(n, pairs)
    nearest = np.full(n, np.inf)
    for side in (0, 1):
        np.minimum.at(nearest, pairs[:, side], distances)
    best: dict[int, int] = {}
    members = np.flatnonzero(np.isfinite(nearest)).tolist()
    for place in members:
        root = int(roots[place])
        if root not in best or images.ranks[place] < images.ranks[best[root]]:
            best[root] = place
    keepers = [best[int(roots[place])] for place in members]
    return Clustered(
        images.ids[members].tolist(), images.ids[keepers].tolist(), nearest[members].tolist()
    )


def _freedom(licence: str | None) -> int:
    if licence is None:
        return len(FREEDOM) + 1
    family = licences.family(licence)
    return FREEDOM.index(family) if family in FREEDOM else len(FREEDOM)
