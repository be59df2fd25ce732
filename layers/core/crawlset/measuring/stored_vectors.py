"""Vectors of many pictures, gathered from their parts into one file on the disk."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import UUID

import numpy as np
import pyarrow as pa

from crawlset.kit import objects
from crawlset.measuring.vectors import UnreadableVectorsError, from_parquet
from crawlset.observability import logger
from crawlset.wire import keys

ReadPart = Callable[[str], bytes | None]
"""Gives the Parquet file of a part; None if it is gone."""
NO_PART = -1


def part_reader(crawl_job_id: UUID, measurer: str) -> ReadPart:
    """Reads the parts of a measurer's vectors that lie beside the packs of a crawl job."""

    def read(part: str) -> bytes | None:
        try:
            return objects.get(keys.vectors(crawl_job_id, measurer, part))
        except objects.ObjectAbsentError:
            return None

    return read


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """n vectors, float16, at the places that were given to their images."""

    vectors: np.ndarray
    """n x d; d is 0 if there are none."""
    is_there: np.ndarray
    """Whether an image has its vector: n truths."""
    image_ids: np.ndarray
    """n ids, ascending."""
    place_of: np.ndarray
    """The place of each of these."""

    @classmethod
    def gather(
        cls,
        path: Path,
        image_ids: np.ndarray,
        parts: np.ndarray,
        names: Sequence[str],
        read_part: ReadPart,
        place_of: np.ndarray | None = None,
    ) -> Self:
        """
        Gather the vectors of n images, whose ids ascend, in a file at `path`: 2 bytes a number.

        `parts` are n places in `names`, of the part that has the vector of each. `place_of` are n
        different places below n for them; none: they are in the order of the ids. A part that is
        gone or damaged, or whose vectors have another length than the first, has none.
        """
        places = np.arange(len(image_ids)) if place_of is None else place_of
        is_there = np.zeros(len(image_ids), bool)
        vectors = np.empty((len(image_ids), 0), np.float16)
        for number, name in enumerate(names):
            body = read_part(name)
            if body is None:
                continue
            try:
                part_ids, part = from_parquet(body)
            except UnreadableVectorsError as error:
                logger.warning("vectors_unreadable", part=name, error=str(error))
                continue
            if not vectors.size:
                vectors = np.memmap(path, np.float16, "w+", shape=(len(image_ids), part.shape[1]))
            if part.shape[1] != vectors.shape[1]:
                continue
            at = np.minimum(np.searchsorted(image_ids, part_ids), len(image_ids) - 1)
            is_wanted = (image_ids[at] == part_ids) & (parts[at] == number)
            there = places[at[is_wanted]]
            vectors[there] = part[is_wanted]
            is_there[there] = True
        return cls(vectors, is_there, image_ids, places)

    @classmethod
    def of(cls, path: Path, rows: Iterable[tuple[int, str]], read_part: ReadPart) -> Self:
        """Gather the vectors of images, each with the name of its part, ids ascending."""
        names: dict[str, int] = {}
        found = [(image_id, names.setdefault(part, len(names))) for image_id, part in rows]
        image_ids, parts = np.array(found, np.int64).reshape(-1, 2).T
        return cls.gather(path, image_ids, parts, list(names), read_part)

    @classmethod
    def ranked(
        cls, path: Path, ids: np.ndarray, rows: Iterable[tuple[int, str]], read_part: ReadPart
    ) -> Self:
        """
        Gather vectors in the order of `ids`, of which some may have none, zeros.

        `rows` are ids of images and the names of their parts; others than `ids` are left out.
        """
        names: dict[str, int] = {}
        found = [(image_id, names.setdefault(part, len(names))) for image_id, part in rows]
        with_vector, parts = np.array(found, np.int64).reshape(-1, 2).T
        place_of = np.argsort(ids)
        image_ids = ids[place_of]
        part_of = np.full(len(ids), NO_PART)
        is_asked = np.isin(with_vector, ids)
        part_of[np.searchsorted(image_ids, with_vector[is_asked])] = parts[is_asked]
        return cls.gather(path, image_ids, part_of, list(names), read_part, place_of)

    @property
    def kind(self) -> pa.DataType:
        """The type of a column of them: float32, which every reader of tables has."""
        return pa.list_(pa.float32(), max(1, self.vectors.shape[1]))

    def column(self, image_ids: Sequence[int]) -> pa.Array:
        """The vectors of these images, null of one that has none."""
        wanted = np.array(image_ids, np.int64)
        if not self.vectors.size:
            return pa.nulls(len(wanted), self.kind)
        at = np.minimum(np.searchsorted(self.image_ids, wanted), len(self.image_ids) - 1)
        places = self.place_of[at]
        is_there = (self.image_ids[at] == wanted) & self.is_there[places]
        flat = pa.array(self.vectors[places].astype(np.float32).ravel())
        return pa.FixedSizeListArray.from_arrays(flat, type=self.kind, mask=pa.array(~is_there))
