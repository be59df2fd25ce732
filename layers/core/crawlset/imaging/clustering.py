"""Clusters of near duplicates: a keeper and what is near it; and what leaks from another set."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import Any, Self

import numpy as np

from crawlset import licences
from crawlset.imaging import candidates, looks, near_duplicates, pairs, second_look
from crawlset.imaging.candidates import Groups, grouped
from crawlset.outcomes import Verdict

FREEDOM = (
    "cc0", "pdm", "cc-pddc", "us-gov", "public-domain", "no-known-copyright", "cc-by", "cc-by-sa",
    "cc-by-nd",
)  # fmt: skip
"""Families of licences, the freest first; any other comes after them, and none last."""
THOUSAND = 1_000
MAX_SHARES = 40
SECONDS_A_SHARE = 60
SECONDS_A_LOOK = 8e-4
"""What a second look at a pair takes, measured."""
ROWS_AT_ONCE = 50_000
MAX_VIEWS = 7
"""Hashes of an image at most."""
UNSIGNED_RADIUS = 4
"""
Bits that may differ where an image has no signature, so that nothing confirms the hashes.

Of 299 such pairs among 30,000 small photographs about 10 are false; of 253 at 5 or 6 bits about 95
are, by the second look.
"""
CROWDED = 16
"""Pairs of an image, with better ones, that the crowded choices find and that are looked at."""
PAIRS_HELD = 4_000_000
"""Candidates held before they are looked at again."""
PAIRS_CONFIRMED = 100_000
"""Pairs looked at again at once, with two signatures each."""
SignaturesOf = Callable[[Sequence[int]], Mapping[int, bytes]]
"""Gives the signatures of images by id, of those that have one."""
CosinesOf = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Gives the cosines of the vectors of pairs of images by place; 0 where one has none."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a second look at pairs of images goes by."""

    signatures_of: SignaturesOf
    cosines_of: CosinesOf | None


@dataclass(frozen=True, slots=True)
class Proposed:
    """Further pairs that are looked at, by places in `Hashed.ids`: those with near vectors."""

    ones: np.ndarray
    others: np.ndarray
    cosines_of: CosinesOf


@dataclass(frozen=True, slots=True)
class Hashed:
    """n images, the one most worth keeping first, with what is compared of each."""

    ids: np.ndarray
    groups: Groups
    """Which images share which hashes, by their places in `ids`."""
    colours: np.ndarray
    """n, int64: packed by `imaging.colours`, 0 where they are not known."""
    mosaic: np.ndarray
    """n, int64: packed by `imaging.mosaic`, -1 where there are none."""

    def to_bytes(self) -> bytes:
        return _packed(
            ids=self.ids,
            hashes=self.groups.hashes,
            starts=self.groups.starts,
            members=self.groups.members,
            colours=self.colours,
            mosaic=self.mosaic,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        arrays = _unpacked(data)
        hashes, starts, members = (arrays.pop(name) for name in ("hashes", "starts", "members"))
        groups = Groups(len(arrays["ids"]), hashes, starts, members)
        return cls(groups=groups, **arrays)

    def n_shares(self, radius: int) -> int:
        """In how many shares to compare them, so that each takes a few minutes at most."""
        n_hashes = len(self.groups.hashes)
        if not n_hashes or len(self.ids) < 2:  # noqa: PLR2004 - nothing to compare
            return 0
        seconds = near_duplicates.seconds(n_hashes, radius)
        n_looks = candidates.count(self.groups) + CROWDED * len(self.ids)
        seconds += n_looks * SECONDS_A_LOOK
        return min(MAX_SHARES, ceil(seconds / SECONDS_A_SHARE))


@dataclass(frozen=True, slots=True)
class NearPairs:
    """Pairs of images that are near duplicates."""

    codes: np.ndarray
    """
    Packed and sorted by `imaging.pairs`, by places in `Hashed.ids`; their distances are bits.

    Those of vectors are thousandths that are missing of a cosine of 1, rounded down.
    """

    @classmethod
    def of_cosines(cls, n: int, ones: np.ndarray, others: np.ndarray, cosines: np.ndarray) -> Self:
        """From places of two of `n` images each, and the cosines of their vectors."""
        missing = np.floor((1 - np.minimum(cosines.astype(np.float64), 1)) * THOUSAND)
        return cls(pairs.best(n, pairs.packed(n, ones, others, missing.astype(np.int64))))

    def to_bytes(self) -> bytes:
        return _packed(codes=self.codes)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        return cls(**_unpacked(data))


@dataclass(frozen=True, slots=True)
class Clustered:
    """Images in clusters, the keeper of each, and bits between them; it is its own keeper."""

    members: np.ndarray
    keepers: np.ndarray
    distances: np.ndarray
    sizes: np.ndarray
    """Number of images in the cluster of each, the keeper included."""

    def __getitem__(self, which: Any) -> "Clustered":
        """Images at some places, or for which a mask is true."""
        return Clustered(
            self.members[which], self.keepers[which], self.distances[which], self.sizes[which]
        )

    def without_keepers(self) -> "Clustered":
        return self[self.members != self.keepers]

    def parts(self, size: int) -> Iterator["Clustered"]:
        for start in range(0, len(self.members), size):
            yield self[start : start + size]


def hashed(rows: Iterable[Any]) -> Hashed:
    """
    From rows of id, phashes, colours, mosaic, verdict, area and licence.

    Worth keeping is what no rule has put aside, then the largest, the freest, the earliest.
    """
    parts = list(_columns(rows))
    if not parts:
        nothing = np.empty(0, dtype=np.int64)
        groups = grouped(np.empty((0, MAX_VIEWS), dtype=np.int64))
        return Hashed(nothing, groups, nothing, nothing)
    ids, views, hues, shapes, aside, areas, freedoms = (
        np.concatenate(part) for part in zip(*parts, strict=True)
    )
    best_first = np.lexsort((ids, freedoms, -areas, aside))
    ids, hues, shapes = (values[best_first] for values in (ids, hues, shapes))
    return Hashed(ids, grouped(views[best_first]), hues, shapes)


def compare(
    images: Hashed,
    radius: int,
    share: int,
    n_shares: int,
    signatures_of: SignaturesOf,
    proposed: Proposed | None = None,
) -> NearPairs:
    """
    Find near duplicates by one of `n_shares` shares of the comparisons of all with all.

    Images that share a hash, and those that the crowded choices of blocks find, which are most
    copies, are shared out by image; all others by choice. A share beyond the last finds nothing.
    The pairs `proposed` are looked at besides, and their vectors help to decide of all.
    """
    n, groups = len(images.ids), images.groups
    is_asked = np.arange(n) % max(n_shares, 1) == share
    look = Look(signatures_of, None if proposed is None else proposed.cosines_of)
    near = _equal(images, is_asked, look)
    if proposed is not None:
        bits = candidates.bits(groups, proposed.ones, proposed.others)
        codes = pairs.packed(n, proposed.ones, proposed.others, bits)
        near = _with_near(images, near, [codes], look)
    planned = near_duplicates.plan(len(groups.hashes), radius)
    crowded = np.empty(0, dtype=np.int64)
    for choice in planned.crowded:
        codes = candidates.near(groups, planned, choice)
        mine = codes[is_asked[pairs.unpacked(n, codes)[0]]]
        crowded = pairs.best(n, np.concatenate([crowded, mine]), CROWDED)
    held, n_held = [crowded], len(crowded)
    for choice in planned.others[share :: max(n_shares, 1)]:
        held.append(candidates.nearest(groups, candidates.near(groups, planned, choice)))
        n_held += len(held[-1])
        if n_held > PAIRS_HELD:
            near, held, n_held = _with_near(images, near, held, look), [], 0
    return NearPairs(_with_near(images, near, held, look))


def cluster(images: Hashed, found: Iterable[NearPairs], gone: Sequence[int] = ()) -> Clustered:
    """
    Clusters of images: a keeper, and those that are near the keeper and near no better one.

    `found` are the pairs that all shares found; the answer is the same in however many there were.
    Images with the ids `gone` are in no cluster.
    """
    near = np.empty(0, dtype=np.int64)
    for share in found:
        near = pairs.best(len(images.ids), np.concatenate([near, share.codes]))
    if len(gone):
        are_gone = np.isin(images.ids, np.array(gone, dtype=np.int64))
        lesser, better, _ = pairs.unpacked(len(images.ids), near)
        near = near[~(are_gone[lesser] | are_gone[better])]
    keepers, distances = pairs.keepers(len(images.ids), near)
    sizes = np.bincount(keepers, minlength=len(keepers))[keepers]
    members = np.flatnonzero(sizes > 1)
    return Clustered(
        images.ids[members], images.ids[keepers[members]], distances[members], sizes[members]
    )


def _equal(images: Hashed, is_asked: np.ndarray, look: Look) -> np.ndarray:
    """Pairs of near images that share a hash, of those asked with better ones."""
    near = _confirmed(images, candidates.equal(images.groups, is_asked), look)
    is_left = is_asked.copy()
    is_left[pairs.unpacked(len(images.ids), near)[0]] = False
    beyond = candidates.equal_beyond(images.groups, is_left)
    return _with_near(images, near, [beyond], look)


def _with_near(images: Hashed, near: np.ndarray, found: list[np.ndarray], look: Look) -> np.ndarray:
    """Add the pairs of `found` that are near."""
    if not found:
        return near
    n = len(images.ids)
    codes = np.unique(np.concatenate(found))
    return pairs.best(n, np.concatenate([near, _confirmed(images, codes, look)]))


def _confirmed(images: Hashed, codes: np.ndarray, look: Look) -> np.ndarray:
    """Candidate pairs that a second look finds near."""
    kept = [np.empty(0, dtype=np.int64)]
    for start in range(0, len(codes), PAIRS_CONFIRMED):
        part = codes[start : start + PAIRS_CONFIRMED]
        ones, others, _ = pairs.unpacked(len(images.ids), part)
        part = part[
            looks.alike(
                images.colours[ones],
                images.colours[others],
                images.mosaic[ones],
                images.mosaic[others],
            )
        ]
        kept.append(part[_are_near(images, part, look)])
    return np.concatenate(kept)


def _are_near(images: Hashed, codes: np.ndarray, look: Look) -> np.ndarray:
    """Whether each of these pairs, which look alike, is near by the signatures."""
    ones, others, distances = pairs.unpacked(len(images.ids), codes)
    places, found = np.unique(np.stack([ones, others], axis=1), return_inverse=True)
    ids = images.ids[places].tolist()
    known = look.signatures_of(ids)
    signed = [known.get(id_, b"") for id_ in ids]
    is_signed = np.array([len(signature) > 0 for signature in signed], dtype=bool)
    asked = np.flatnonzero(is_signed[found].all(axis=1))
    are_near: np.ndarray = distances <= UNSIGNED_RADIUS
    cosines = None if look.cosines_of is None else look.cosines_of(ones[asked], others[asked])
    are_near[asked] = second_look.are_copies(signed, found[asked], distances[asked], cosines)
    return are_near


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
    """Each column that images are compared or ranked by, of some rows at a time."""
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
