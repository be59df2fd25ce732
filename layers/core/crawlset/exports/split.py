"""Which split an image belongs to."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from crawlset.exports.options import ExportOptions, Splits

NAMES = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Sample:
    image_id: int
    sha256: bytes
    label: str | None
    """Its class."""
    ties: tuple[str, ...] = ()
    """What it must share a split with: images that have one of these too."""


def split_of(sha256: bytes, seed: str, splits: Splits) -> str:
    """
    `train`, `validation` or `test`, by the image's bytes and the seed alone.

    So an image keeps its split in every export with that seed, whatever else is in it; the shares
    hold on average.
    """
    place = _place(sha256, seed)
    named = _named(splits)
    bound = 0.0
    for name, share in named:
        bound += share
        if place < bound:
            return name
    return named[-1][0]


def assign(samples: Iterable[Sample], options: ExportOptions) -> dict[int, str]:
    """
    The split of each image: tied images share one, and the smallest hash among them decides it.

    With `stratify`, groups go in an order of the seed's to the split that lacks most of their
    classes, the largest first: a class of single images holds the shares but for one image.
    """
    groups = _groups(list(samples))
    if options.stratify:
        chosen = _stratified(groups, options)
    else:
        chosen = (split_of(_first(group), options.seed, options.splits) for group in groups)
    return {
        sample.image_id: split
        for group, split in zip(groups, chosen, strict=True)
        for sample in group
    }


def _groups(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Union-find over what samples are tied by."""
    parents = list(range(len(samples)))
    first_with: dict[str, int] = {}

    def root(at: int) -> int:
        while parents[at] != at:
            parents[at] = parents[parents[at]]
            at = parents[at]
        return at

    for at, sample in enumerate(samples):
        for tie in sample.ties:
            one, other = root(first_with.setdefault(tie, at)), root(at)
            parents[max(one, other)] = min(one, other)
    groups: dict[int, list[Sample]] = defaultdict(list)
    for at, sample in enumerate(samples):
        groups[root(at)].append(sample)
    return list(groups.values())


def _stratified(groups: list[list[Sample]], options: ExportOptions) -> Iterator[str]:
    totals = Counter(sample.label for group in groups for sample in group)
    named = _named(options.splits)
    counts: dict[str, Counter[str | None]] = {name: Counter() for name, _ in named}
    chosen: dict[int, str] = {}
    places = [_place(_first(group), options.seed) for group in groups]
    for at in sorted(range(len(groups)), key=lambda at: (-len(groups[at]), places[at])):
        classes = Counter(sample.label for sample in groups[at])

        def lack(name: str, share: float, classes: Counter[str | None] = classes) -> float:
            """How much better the classes of the group are shared with it in the split."""
            return sum(
                n * (share * totals[label] - counts[name][label] - n / 2) / totals[label]
                for label, n in classes.items()
            )

        name, _ = max(named, key=lambda split: lack(*split))
        counts[name] += classes
        chosen[at] = name
    return (chosen[at] for at in range(len(groups)))


def _named(splits: Splits) -> list[tuple[str, float]]:
    shares = ((name, getattr(splits, name)) for name in NAMES)
    return [(name, share) for name, share in shares if share > 0]


def _first(group: list[Sample]) -> bytes:
    return min(sample.sha256 for sample in group)


def _place(sha256: bytes, seed: str) -> float:
    digest = hashlib.sha256(seed.encode() + b"\0" + sha256).digest()
    return float(int.from_bytes(digest[:8]) / 2**64)
