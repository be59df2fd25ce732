"""Clusters of near duplicates among images, who of each stays, and what leaks from another set."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import Any, Self

import numpy as np

from crawlset import licences
from crawlset.imaging import looks, near_duplicates
from crawlset.outcomes import Verdict

FREEDOM = (
    "cc0", "pdm", "cc-pddc", "us-gov", "public-domain", "no-known-copyright", "cc-by", "cc-by-sa",
    "cc-by-nd",
)  # fmt: skip
"""Families of licences, the freest first; any other comes after them, and none last."""
MAX_SHARES = 40
SECONDS_A_SHARE = 60
ROWS_AT_ONCE = 50_000
MAX_VIEWS = 5
"""Hashes of an image at most."""


@dataclass(frozen=True, slots=True)
class Hashed:
    """n images in the order of their ids, and the m different hashes they have."""

    ids: np.ndarray
    ranks: np.ndarray
    """The smaller, the more an image is worth keeping: n different numbers."""
    hashes: np.ndarray
    """m, uint64, sorted."""
    owners: np.ndarray
    """The place in `ids` of an image that has each hash."""
    equal: np.ndarray
    """Pairs of places in `ids` of images that share a hash."""
    colours: np.ndarray
    """n, int64: packed by `imaging.colours`, 0 where they are not known."""
    mosaic: np.ndarray
    """n, int64: packed by `imaging.mosaic`, -1 where there are none."""

    def to_bytes(self) -> bytes:
        return _packed(
            ids=self.ids,
            ranks=self.ranks,
            hashes=self.hashes,
            owners=self.owners,
            equal=self.equal,
            colours=self.colours,
            mosaic=self.mosaic,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote, also before there were colours and mosaics."""
        arrays = _unpacked(data)
        n = len(arrays["ids"])
        unknown = {"colours": np.zeros(n, np.int64), "mosaic": np.full(n, -1, np.int64)}
        return cls(**unknown | arrays)

    def n_shares(self, radius: int) -> int:
        """In how many shares to compare them, so that each takes a few minutes at most."""
        if len(self.hashes) < 2:  # noqa: PLR2004 - nothing to compare
            return 0
        seconds = near_duplicates.seconds(len(self.hashes), radius)
        return min(MAX_SHARES, ceil(seconds / SECONDS_A_SHARE))


@dataclass(frozen=True, slots=True)
class Links:
    """What a share of the comparisons has found among the hashes."""

    pairs: np.ndarray
    """Places in `Hashed.hashes`, k x 2: enough to join what is near each other."""
    nearest: np.ndarray
    """Bits between each hash and its nearest."""

    def to_bytes(self) -> bytes:
        return _packed(pairs=self.pairs, nearest=self.nearest)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        return cls(**_unpacked(data))


@dataclass(frozen=True, slots=True)
class Clustered:
    """Give the keeper of each clustered image, and how near its nearest neighbour is."""

    members: np.ndarray
    keepers: np.ndarray
    distances: np.ndarray

    def without_keepers(self) -> "Clustered":
        others = self.members != self.keepers
        return Clustered(self.members[others], self.keepers[others], self.distances[others])

    def parts(self, size: int) -> Iterator["Clustered"]:
        for start in range(0, len(self.members), size):
            part = slice(start, start + size)
            yield Clustered(self.members[part], self.keepers[part], self.distances[part])


def hashed(rows: Iterable[Any]) -> Hashed:
    """
    From rows of id, phashes, colours, mosaic, verdict, area and licence, by id.

    Worth keeping is what no rule has put aside, then the largest, the freest, the earliest.
    """
    parts = list(_columns(rows))
    if not parts:
        nothing = np.empty(0, dtype=np.int64)
        pairs = np.empty((0, 2), dtype=np.int64)
        return Hashed(nothing, nothing, nothing.astype(np.uint64), nothing, pairs, nothing, nothing)
    ids, views, hues, shapes, aside, areas, freedoms = (
        np.concatenate(part) for part in zip(*parts, strict=True)
    )
    ranks = np.empty(len(ids), dtype=np.int64)
    ranks[np.lexsort((ids, freedoms, -areas, aside))] = np.arange(len(ids))
    return Hashed(ids, ranks, *near_duplicates.unique_hashes(views), hues, shapes)


def compare(images: Hashed, radius: int, share: int) -> Links:
    """One share of the comparisons of all with all; of a share that there is not, nothing."""
    planned = near_duplicates.plan(len(images.hashes), radius)
    choices = list(planned.shares(images.n_shares(radius)))[share]
    return Links(*near_duplicates.links(images.hashes, images.owners, planned, choices))


def cluster(images: Hashed, found: Sequence[Links]) -> Clustered:
    """
    The clusters that the links of all shares make, each around what is most worth keeping.

    Every member has the colours and the mosaic of its keeper, as far as they are known.
    """
    n = len(images.ids)
    nearest = np.full(n, near_duplicates.NONE_NEAR, dtype=np.uint8)
    nearest[images.equal.ravel()] = 0
    joining = [images.equal]
    for links in found:
        pairs = images.owners[links.pairs]
        joining.append(pairs)
        np.minimum.at(nearest, images.owners, links.nearest)
    joined = near_duplicates.clusters(n, np.concatenate(joining))
    roots = looks.parted(joined, images.ranks, images.colours, images.mosaic)
    order = np.lexsort((images.ranks, roots))
    is_first = np.ones(n, dtype=bool)
    is_first[1:] = roots[order][1:] != roots[order][:-1]
    keepers = np.empty(n, dtype=np.int64)
    keepers[roots[order][is_first]] = order[is_first]
    members = np.flatnonzero(np.bincount(roots, minlength=n)[roots] > 1)
    return Clustered(images.ids[members], images.ids[keepers[roots[members]]], nearest[members])


@dataclass(frozen=True, slots=True)
class KnownHashes:
    """What another set has: files by their SHA-256, pictures by their perceptual hashes."""

    sha256s: frozenset[bytes]
    phashes: np.ndarray

    @classmethod
    def of(cls, hashes: Iterable[tuple[bytes | None, list[int]]]) -> Self:
        sha256s: set[bytes] = set()
        views: list[int] = []
        for sha256, phashes in hashes:
            if sha256 is not None:
                sha256s.add(sha256)
            views += phashes
        return cls(frozenset(sha256s), np.array(views, dtype=np.int64))


def leaked(rows: Iterable[Any], known: KnownHashes, radius: int) -> tuple[list[int], list[int]]:
    """
    Ids of images that are `known`, and how many bits they are from what they are known by.

    `rows` are of id, sha256 and phashes; the same file is 0 bits away.
    """
    ids, are_known, views = [], [], []
    for row in rows:
        ids.append(row.id)
        are_known.append(row.sha256 in known.sha256s)
        views.append(_views(row.phashes or ()))
    if not ids:
        return [], []
    distances = near_duplicates.nearest_of(np.array(views, dtype=np.int64), known.phashes, radius)
    distances[np.array(are_known)] = 0
    found = np.flatnonzero(distances <= radius)
    return np.array(ids)[found].tolist(), distances[found].tolist()


def _columns(rows: Iterable[Any]) -> Iterator[tuple[np.ndarray, ...]]:
    """Ids, views, colours, mosaic, whether put aside, areas, freedoms, some rows at a time."""
    remaining = iter(rows)
    while part := list(islice(remaining, ROWS_AT_ONCE)):
        yield (
            np.array([row.id for row in part], dtype=np.int64),
            np.array([_views(row.phashes) for row in part], dtype=np.int64),
            np.array([row.colours or 0 for row in part], dtype=np.int64),
            np.array([-1 if row.mosaic is None else row.mosaic for row in part], dtype=np.int64),
            np.array([row.verdict is not Verdict.keep for row in part]),
            np.array([row.area for row in part], dtype=np.float64),
            np.array([_freedom(row.licence) for row in part], dtype=np.uint8),
        )


def _views(phashes: Sequence[int]) -> list[int]:
    """Fill up with flat hashes, which are compared with nothing, to as many for every image."""
    return [*phashes, *near_duplicates.FLAT[:1] * (MAX_VIEWS - len(phashes))]


def _freedom(licence: str | None) -> int:
    if licence is None:
        return len(FREEDOM) + 1
    family = licences.family(licence)
    return FREEDOM.index(family) if family in FREEDOM else len(FREEDOM)


def _packed(**arrays: np.ndarray) -> bytes:
    body = io.BytesIO()
    np.savez(body, allow_pickle=False, **arrays)
    return body.getvalue()


def _unpacked(data: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(data)) as arrays:
        return dict(arrays)
