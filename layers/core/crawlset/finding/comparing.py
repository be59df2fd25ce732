"""Cosine of one vector to all vectors of a job, part by part as they are read."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from crawlset.measuring.nearness import unit
from crawlset.measuring.stored_vectors import ReadPart
from crawlset.measuring.vectors import UnreadableVectorsError, with_version
from crawlset.observability import logger

READS_AT_ONCE = 16
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Compared:
    """n vectors that were compared, in the order in which they were read."""

    parts: Sequence[str]
    """Names of the parts that were to be read."""
    image_ids: np.ndarray
    part_of: np.ndarray
    """The place in `parts` of each."""
    similarities: np.ndarray
    is_complete: bool
    """Whether every part was read."""
    is_over: bool
    """Whether there was no time for some."""

    @property
    def n_images(self) -> int:
        """How many images the vectors are of: an image that was measured twice has two."""
        return len(np.unique(self.image_ids))

    def nearest_first(self) -> Iterator[tuple[int, str, float]]:
        """Image, name of its part, and similarity; of equally near ones the older image first."""
        for place in np.lexsort((self.image_ids, -self.similarities)):
            similarity = round(float(self.similarities[place]), DIGITS)
            yield int(self.image_ids[place]), self.parts[self.part_of[place]], similarity


def compare(
    vector: np.ndarray,
    parts: Sequence[str],
    read_part: ReadPart,
    *,
    version: str,
    has_time: Callable[[], bool],
) -> Compared:
    """
    Compare `vector` with those in `parts` that no other version of the measurer made.

    Keeps 16 bytes a vector, and `READS_AT_ONCE` parts in memory. Begins with no part once
    `has_time` says no. A part that is gone has none; one that cannot be read is left out.
    """
    (wanted,) = unit(vector[np.newaxis])
    late: list[str] = []

    def cosines(part: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Ids and similarities of a part; None if it was not read."""
        if not has_time():
            late.append(part)
            return None
        body = read_part(part)
        if body is None:
            return _NONE
        try:
            image_ids, vectors, made_by = with_version(body)
            if made_by not in {None, version}:
                return _NONE
            return image_ids, _cosines(vectors, wanted)
        except UnreadableVectorsError as error:
            logger.warning("vectors_unreadable", part=part, error=str(error))
            return None

    with ThreadPoolExecutor(READS_AT_ONCE) as pool:
        read = list(pool.map(cosines, parts))
    some = [one or _NONE for one in read]
    sizes = [len(image_ids) for image_ids, _ in some]
    return Compared(
        parts,
        np.concatenate([_NONE[0], *(image_ids for image_ids, _ in some)]),
        np.repeat(np.arange(len(parts), dtype=np.int32), sizes),
        np.concatenate([_NONE[1], *(similarities for _, similarities in some)]),
        None not in read,
        bool(late),
    )


def _cosines(vectors: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """
    Cosine of each of n x d to `wanted`, of length 1; 0 of a vector of zeros.

    Raises:
        UnreadableVectorsError: `wanted` has another length.
    """
    if vectors.shape[1] != len(wanted):
        raise UnreadableVectorsError(f"{vectors.shape[1]} numbers a vector, not {len(wanted)}")
    some = vectors.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", some, some))
    cosines: np.ndarray = (some @ wanted) / np.maximum(lengths, np.float32(1e-12))
    return cosines


_NONE = np.empty(0, np.int64), np.empty(0, np.float32)
