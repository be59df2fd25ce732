"""Vectors of pictures: read from what a measurer wrote, and kept as Parquet beside the packs."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet as pq

from crawlset.wire.measurements import LARGEST, MAX_DIMENSIONS

MAX_ROWS = 1_000
MAX_NPY_BYTES = MAX_ROWS * MAX_DIMENSIONS * 4 + 1_024
_BEGINNING = b"\x93NUMPY\x01\x00"
_MAX_HEADER = 1_000
_VERSION = b"version"
_TYPES = (np.dtype("<f2"), np.dtype("<f4"))


class UnreadableVectorsError(ValueError):
    """A file that is no .npy file of vectors, with what is wrong with it."""


def read_npy(data: bytes) -> np.ndarray:
    """
    Read vectors that a measurer wrote: n x d, of which some may be no numbers.

    A measurer may be anybody's: nothing is unpickled, and nothing is allocated that `data` does
    not hold. The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

    Raises:
        UnreadableVectorsError: it is no .npy file of version 1.0, with float16 or float32 in rows.
    """
    if data[: len(_BEGINNING)] != _BEGINNING:
        raise UnreadableVectorsError("no .npy file of version 1.0")
    stream = io.BytesIO(data[len(_BEGINNING) :])
    try:
        shape, is_by_column, kind = np.lib.format.read_array_header_1_0(
            stream, max_header_size=_MAX_HEADER
        )
    except Exception as error:  # numpy evaluates the header, and may raise anything
        raise UnreadableVectorsError("a header that says nothing") from error
    if kind not in _TYPES or is_by_column:
        raise UnreadableVectorsError("not rows of float16 or float32")
    # True is an integer for the header, and none for an array.
    if [*map(type, shape)] != [int, int]:
        raise UnreadableVectorsError(f"shape {shape}")
    if shape[0] > MAX_ROWS or not 1 <= shape[1] <= MAX_DIMENSIONS:
        raise UnreadableVectorsError(f"shape {shape}")
    body = stream.read()
    if len(body) != shape[0] * shape[1] * kind.itemsize:
        raise UnreadableVectorsError(f"{len(body)} bytes for shape {shape}")
    return np.frombuffer(body, kind).reshape(shape)


def is_sound(vectors: np.ndarray, row: int) -> bool:
    """Whether there is such a row, and float16 holds each of its numbers."""
    return row < len(vectors) and bool((np.abs(vectors[row]) <= LARGEST).all())


def to_parquet(image_ids: Sequence[int], vectors: np.ndarray, version: str) -> bytes:
    """
    A table of `image_id` and `vector`, float16 of one length; `vectors` are n x d.

    `version` is the measurer's that made them.
    """
    flat = pa.array(np.ascontiguousarray(vectors, np.float16).ravel())
    table = pa.table(
        {
            "image_id": pa.array(image_ids, pa.int64()),
            "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
        },
        metadata={_VERSION: version},
    )
    body = io.BytesIO()
    # Few numbers come twice: a dictionary of them is larger, and takes three times as long to read.
    pq.write_table(table, body, compression="zstd", use_dictionary=False)
    return body.getvalue()


def from_parquet(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Ids of images, n, and their vectors, n x d, as `to_parquet` was given them."""
    ids, vectors, _ = with_version(data)
    return ids, vectors


def with_version(data: bytes) -> tuple[np.ndarray, np.ndarray, str]:
    """
    Give what `from_parquet` gives, and the version of the measurer that made them.

    Raises:
        pyarrow.ArrowException: it is no Parquet file, or a damaged one.
        KeyError: it has no such columns, or no version.
    """
    table: Any = pq.read_table(io.BytesIO(data)).combine_chunks()
    ids = table.column("image_id").to_numpy()
    flat = table.column("vector").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    length = table.schema.field("vector").type.list_size
    return ids, flat.reshape(len(ids), length), table.schema.metadata[_VERSION].decode()
