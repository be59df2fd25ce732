"""Choice of the split that an image belongs to."""

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crawlset.exports.options import ExportOptions, Splits
from crawlset.exports.strata import stratified

NAMES = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class TiedImage:
    """An image to be given a split, and what ties it to others."""

    image_id: int
    sha256: bytes
    label: str | None
    """Class of the image."""
    ties: tuple[str, ...] = ()
    """Marks of the image; images with one in common must share a split."""


def assign(images: Iterable[TiedImage], options: ExportOptions) -> dict[int, str]:
    """
    The split of each image: tied images share one, and the smallest hash among them decides it.

    With `stratify`, every class is shared out by itself, as `strata` says.
    """
    groups = _groups(list(images))
    shares = _named(options.splits)
    places = array("d", (_place(_first(group), options.seed) for group in groups))
    if options.stratify:
        chosen: Iterable[str] = stratified(groups, places, dict(shares))
    else:
        chosen = (_split_at(place, shares) for place in places)
    return {
        image.image_id: split
        for group, split in zip(groups, chosen, strict=True)
        for image in group
    }


def _groups(images: Sequence[TiedImage]) -> list[list[TiedImage]]:
    """Union-find over the ties of images."""
    parents = list(range(len(images)))
    first_with: dict[str, int] = {}

    def root(at: int) -> int:
        while parents[at] != at:
            parents[at] = parents[parents[at]]
            at = parents[at]
        return at

    for at, image in enumerate(images):
        for tie in image.ties:
            one, other = root(first_with.setdefault(tie, at)), root(at)
            parents[max(one, other)] = min(one, other)
    groups: dict[int, list[TiedImage]] = defaultdict(list)
    for at, image in enumerate(images):
        groups[root(at)].append(image)
    return list(groups.values())


def _split_at(place: float, shares: Sequence[tuple[str, float]]) -> str:
    bound = 0.0
    for name, share in shares:
        bound += share
        if place < bound:
            return name
    return shares[-1][0]


def _named(splits: Splits) -> list[tuple[str, float]]:
    shares = ((name, getattr(splits, name)) for name in NAMES)
    return [(name, share) for name, share in shares if share > 0]


def _first(group: list[TiedImage]) -> bytes:
    return min(image.sha256 for image in group)


def _place(sha256: bytes, seed: str) -> float:
    digest = hashlib.sha256(seed.encode() + b"\0" + sha256).digest()
    return float(int.from_bytes(digest[:8]) / 2**64)
