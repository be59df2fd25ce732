"""Measures that compare a picture with the others of its keyword, over all vectors of a job."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from crawlset.measuring.nearness import K, Whitening, margin, nearness, unit
from crawlset.measuring.stored_vectors import ReadPart, StoredVectors

MAX_GROUP = 3_000
"""
Pictures that are compared with each other; a keyword of more is parted by chance.

Three thousand of 1,280 numbers take about a second, and 150 MB with all that they are compared
with.
"""
MAX_OTHERS = 2_000
"""Pictures of all keywords together with which one is compared besides, as many of each."""
NO_KEYWORD = -1
_SCATTER = np.uint64(0x9E3779B97F4A7C15)
"""An odd number that scatters those one behind the other (Knuth's multiplicative hashing)."""


@dataclass(frozen=True, slots=True)
class Measurable:
    """An image with a vector, and the part that the vector lies in."""

    image_id: int
    keyword: str | None
    part: str


@dataclass(frozen=True, slots=True)
class Neighbours:
    """n images by id, the others that each was compared with, and how near they are."""

    image_ids: np.ndarray
    n_others: np.ndarray
    nearness: np.ndarray
    """NaN where nothing can be said."""
    margins: np.ndarray
    """How much nearer to its own keyword than to all others; NaN without another keyword."""


def compared(images: Iterable[Measurable], read_part: ReadPart) -> Neighbours:
    """
    Compare pictures with the others of their keyword, and with some of each other keyword.

    Pictures without a keyword are compared with each other. Vectors wait on the disk; one group, or
    as many small ones, is in memory. What is not there counts for nothing.

    Args:
        images: in the order of their ids.
        read_part: gives the Parquet file of a part.
    """
    ids, groups, parts, names = _columns(images)
    order = np.lexsort((ids.astype(np.uint64) * _SCATTER, groups))
    place_of = np.empty(len(ids), np.int64)
    place_of[order] = np.arange(len(ids))
    n_others = np.zeros(len(ids), np.int64)
    near = np.full(len(ids), np.nan)
    margins = np.full(len(ids), np.nan)
    sorted_groups = groups[order]
    with TemporaryDirectory() as directory:
        path = Path(directory, "vectors")
        stored = StoredVectors.gather(path, ids, parts, names, read_part, place_of)
        chosen = _some_of_each(sorted_groups, stored.is_there)
        others, of_others = np.array(stored.vectors[chosen]), sorted_groups[chosen]
        whitened = Whitening.of(others, of_others) or np.asarray
        others = unit(whitened(others))
        for begin, end in _spans(sorted_groups):
            there = begin + np.flatnonzero(stored.is_there[begin:end])
            if len(there):
                some, of_some = np.array(stored.vectors[there]), sorted_groups[there]
                near[order[there]] = nearness(some, of_some, K)
                margins[order[there]] = margin(whitened(some), of_some, others, of_others, K)
                _, place, sizes = np.unique(of_some, return_inverse=True, return_counts=True)
                n_others[order[there]] = sizes[place] - 1
    margins[groups == NO_KEYWORD] = np.nan
    return Neighbours(ids, n_others, near, margins)


def _some_of_each(groups: np.ndarray, is_there: np.ndarray) -> np.ndarray:
    """Places of some vectors of each group, which is scattered; `groups` is sorted."""
    (there,) = np.nonzero(is_there & (groups != NO_KEYWORD))
    starts = np.flatnonzero(np.diff(groups[there], prepend=NO_KEYWORD))
    n_of_each = max(MAX_OTHERS // max(len(starts), 1), 1)
    ends = np.append(starts[1:], len(there))
    lengths = np.minimum(ends - starts, n_of_each)[:MAX_OTHERS]
    chosen = [there[start : start + n] for start, n in zip(starts, lengths, strict=False)]
    return np.concatenate([*chosen, np.empty(0, np.int64)]).astype(np.int64)


def _columns(
    images: Iterable[Measurable],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Ids, numbers of keywords, numbers of parts, and the parts' names."""
    keywords: dict[str, int] = {}
    names: dict[str, int] = {}
    rows = [
        (
            image.image_id,
            NO_KEYWORD
            if image.keyword is None
            else keywords.setdefault(image.keyword, len(keywords)),
            names.setdefault(image.part, len(names)),
        )
        for image in images
    ]
    ids, groups, parts = np.array(rows, np.int64).reshape(-1, 3).T
    return ids, groups, parts, list(names)


def _spans(groups: np.ndarray) -> Iterator[tuple[int, int]]:
    """
    Where to begin and end in `groups`, which is sorted, to have some whole ones at once.

    A group of more than `MAX_GROUP` is parted.
    """
    starts = np.flatnonzero(np.diff(groups, prepend=NO_KEYWORD - 1)).tolist()
    begin = 0
    for start, end in zip(starts, [*starts[1:], len(groups)], strict=True):
        if end - begin <= MAX_GROUP:
            continue
        if start > begin:
            yield begin, start
        begin = start
        if end - start > MAX_GROUP:
            n_parts = -(-(end - start) // MAX_GROUP)
            yield from pairwise(np.linspace(start, end, n_parts + 1).astype(np.int64).tolist())
            begin = end
    if begin < len(groups):
        yield begin, len(groups)
