"""Manifests in Parquet. Imports pyarrow, so is itself imported only for one of these."""

from collections.abc import Iterator
from itertools import repeat
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from crawlset.settings import MAX_MANIFEST_BYTES
from crawlset.sources.manifest_rows import MalformedManifestError, Row, places, row_of

BATCH_ROWS = 1_000
READ_BYTES = 1 << 20
PARQUET_ERRORS = (pa.ArrowException, OSError, UnicodeDecodeError)


def rows(stream: BinaryIO) -> Iterator[Row]:
    """
    Every row, batch by batch and only the columns a manifest has.

    Raises `MalformedManifestError` for a file that is broken, or says that it unpacks to more
    than a manifest may. A file can say anything: only a process whose memory is limited may read
    one (`manifest_worker`).
    """
    try:
        metadata = pq.read_metadata(stream)
        schema = metadata.schema.to_arrow_schema()
    except MemoryError:  # pyarrow's is also one of its own
        raise
    except PARQUET_ERRORS as error:
        raise _broken(error) from error
    columns = [
        None if place is None or not _is_plain(schema.field(place).type) else schema.names[place]
        for place in places(schema.names)
    ]
    url = schema.field(places(schema.names)[0])
    if not _is_text(url.type):
        raise MalformedManifestError(f"The column {url.name} holds {str(url.type)[:80]}, not text.")
    _check_size(metadata, {name for name in columns if name})
    yield from _batched_rows(stream, columns)


def _batched_rows(stream: BinaryIO, columns: list[str | None]) -> Iterator[Row]:
    file = pq.ParquetFile(stream, pre_buffer=False, buffer_size=READ_BYTES)
    wanted = [name for name in columns if name is not None]
    batches = file.iter_batches(BATCH_ROWS, columns=wanted, use_threads=False)
    while True:
        try:
            batch = next(batches, None)
            if batch is None:
                return
            values = [
                repeat(None) if name is None else _values(batch.column(name)) for name in columns
            ]
        except MemoryError:
            raise
        except PARQUET_ERRORS as error:
            raise _broken(error) from error
        for row in zip(*values, strict=False):
            yield row_of(row)


def _values(column: Any) -> list[Any]:
    """
    The cells of a column; bytes that are no text as halves of surrogate pairs.

    Nobody has to check what goes into a column of texts (https://github.com/apache/arrow/issues/29635).
    """
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return [_decoded(cell) for cell in column]


def _decoded(cell: Any) -> str | None:
    if not cell.is_valid:
        return None
    text = cell.value if isinstance(cell, pa.DictionaryScalar) else cell
    return str(text.as_buffer().to_pybytes(), errors="surrogateescape")


def _check_size(metadata: Any, columns: set[str]) -> None:
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    n_bytes = sum(
        group.column(place).total_uncompressed_size
        for group in groups
        for place in range(group.num_columns)
        if group.column(place).path_in_schema in columns
    )
    if n_bytes > MAX_MANIFEST_BYTES:
        raise MalformedManifestError(
            f"The manifest unpacks to more than {MAX_MANIFEST_BYTES:,} bytes."
        )


def _is_plain(type_: Any) -> bool:
    """Whether a cell can say anything: of a nested column, one cell can fill the memory."""
    type_ = _value_type(type_)
    is_number = pa.types.is_integer(type_) or pa.types.is_floating(type_)
    return _is_text(type_) or is_number or pa.types.is_decimal(type_) or pa.types.is_boolean(type_)


def _value_type(type_: Any) -> Any:
    """Categories of pandas are dictionaries."""
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def _is_text(type_: Any) -> bool:
    return _value_type(type_) in {pa.string(), pa.large_string(), pa.string_view()}


def _broken(error: Exception) -> MalformedManifestError:
    return MalformedManifestError(f"The Parquet file is broken: {str(error)[:200]}")
