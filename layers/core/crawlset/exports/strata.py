"""Splits that hold their shares within every class."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

_ROUNDING = 1e-9


class Labelled(Protocol):
    @property
    def label(self) -> str | None: ...


def stratified(
    groups: Sequence[Sequence[Labelled]], places: Sequence[float], shares: Mapping[str, float]
) -> list[str]:
    """
    The split of each group of tied images, by what the splits lack of each class.

    A class of at least as many groups as there are splits is in every split. Classes with fewer
    are shared out together. Groups of several images come first, the largest at the head; images
    that are tied to none fill up what is lacking in the order of `places`, so that another image
    of a class moves few of those that were there.
    """
    strata, n_common = _strata(groups, len(shares))
    table = _Table(groups, strata, list(shares.values()), n_common)
    names = list(shares)
    chosen = [""] * len(groups)
    alone: list[list[int]] = [[] for _ in range(n_common + 1)]
    tied = []
    for at, group in enumerate(groups):
        if len(group) == 1:
            alone[strata[group[0].label]].append(at)
        else:
            tied.append(at)
    for at in sorted(tied, key=lambda at: (-len(groups[at]), places[at])):
        chosen[at] = names[table.place(Counter(strata[image.label] for image in groups[at]))]
    for stratum, members in enumerate(alone):
        members.sort(key=places.__getitem__)
        begin = 0
        for name, n in zip(names, table.share_out(stratum, len(members)), strict=True):
            for at in members[begin : begin + n]:
                chosen[at] = name
            begin += n
    return chosen


def _strata(
    groups: Sequence[Sequence[Labelled]], n_splits: int
) -> tuple[dict[str | None, int], int]:
    """A number for each class, and how many are in every split; the rest share the next number."""
    n_groups = Counter(label for group in groups for label in {image.label for image in group})
    labels = sorted(n_groups, key=lambda label: (label is None, label or ""))
    common = [label for label in labels if n_groups[label] >= n_splits]
    numbers = {label: number for number, label in enumerate(common)}
    return dict.fromkeys(labels, len(common)) | numbers, len(common)


class _Table:
    """Images placed so far, by stratum and split; the last stratum is of rare classes."""

    def __init__(
        self,
        groups: Sequence[Sequence[Labelled]],
        strata: Mapping[str | None, int],
        shares: Sequence[float],
        n_common: int,
    ) -> None:
        self._shares = shares
        self._n_common = n_common
        self._totals = [0] * (n_common + 1)
        self._groups_left = [0] * (n_common + 1)
        for group in groups:
            for image in group:
                self._totals[strata[image.label]] += 1
            for stratum in {strata[image.label] for image in group}:
                self._groups_left[stratum] += 1
        self._counts = [[0] * len(shares) for _ in range(n_common + 1)]
        self._carried = [0.0] * len(shares)
        """Share that rounding has taken from each split so far."""

    def place(self, classes: Mapping[int, int]) -> int:
        """Put a group of images into the split that lacks most of their classes."""
        due = [self._due(stratum) for stratum in classes]

        def lack(split: int) -> tuple[int, float]:
            """How many classes must be here now; how much better all are shared with it here."""
            gains = (
                n * (self._lack(stratum, split) - n / 2) / self._totals[stratum]
                for stratum, n in classes.items()
            )
            return sum(split in splits for splits in due), sum(gains)

        chosen = max(range(len(self._shares)), key=lack)
        for stratum, n in classes.items():
            self._counts[stratum][chosen] += n
            self._groups_left[stratum] -= 1
        return chosen

    def share_out(self, stratum: int, n: int) -> list[int]:
        """Place `n` images of `stratum` that are tied to none; gives how many go to each split."""
        counts = self._counts[stratum]
        wanted = _wanted(n, self._shares, counts)
        given = [int(want + _ROUNDING) for want in wanted]
        is_common = stratum < self._n_common

        def remainder(split: int) -> float:
            carried = self._carried[split] if is_common else 0
            return wanted[split] - given[split] + carried

        splits = range(len(given))
        open_ = [split for split in splits if wanted[split] > 0] or [0]
        for split in sorted(open_, key=remainder, reverse=True)[: n - sum(given)]:
            given[split] += 1
        for empty in splits if is_common else ():
            if given[empty] + counts[empty] == 0:
                donors = [at for at in splits if given[at] and given[at] + counts[at] > 1]
                if donors:
                    given[max(donors, key=lambda at: given[at] - wanted[at])] -= 1
                    given[empty] += 1
        for split in splits:
            counts[split] += given[split]
            self._carried[split] += self._lack(stratum, split)
        return given

    def _lack(self, stratum: int, split: int) -> float:
        return self._shares[split] * self._totals[stratum] - self._counts[stratum][split]

    def _due(self, stratum: int) -> list[int]:
        """Splits without the class, if only as many groups of it are left as there are such."""
        empty = [split for split, n in enumerate(self._counts[stratum]) if not n]
        is_due = stratum < self._n_common and self._groups_left[stratum] <= len(empty)
        return empty if is_due else []


def _wanted(n: int, shares: Sequence[float], counts: Sequence[int]) -> list[float]:
    """
    Share of each split in `n` more images: fractions that add up to `n`.

    A split that has more than its share already gets none.
    """
    lacking = list(range(len(shares)))
    while True:
        weight = sum(shares[split] for split in lacking)
        total = n + sum(counts[split] for split in lacking)
        wanted = {split: shares[split] / weight * total - counts[split] for split in lacking}
        if min(wanted.values()) >= -_ROUNDING:
            return [max(0.0, wanted.get(split, 0.0)) for split in range(len(shares))]
        lacking = [split for split in lacking if wanted[split] >= 0]
