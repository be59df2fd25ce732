"""Manifests in Parquet. Imports pyarrow, so is itself imported only for one of these."""

from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from crawlset.settings import MAX_MANIFEST_BYTES
from crawlset.sources.manifest_rows import MalformedManifestError, Row, first_said, places, row_of

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
    found = places(schema.names)
    columns = [
        [schema.names[place] for place in column if _is_plain(schema.field(place).type)]
        for column in found
    ]
    url = schema.field(found[0][0])
    if not _is_text(url.type):
        raise MalformedManifestError(f"The column {url.name} holds {str(url.type)[:80]}, not text.")
    _check_size(metadata, set(chain.from_iterable(columns)))
    yield from _batched_rows(stream, columns)


def _batched_rows(stream: BinaryIO, columns: list[list[str]]) -> Iterator[Row]:
    file = pq.ParquetFile(stream, pre_buffer=False, buffer_size=READ_BYTES)
    wanted = list(chain.from_iterable(columns))
    batches = file.iter_batches(BATCH_ROWS, columns=wanted, use_threads=False)
    while True:
        try:
            batch = next(batches, None)
            if batch is None:
                return
            values = [
                _first_said([_values(batch.column(name)) for name in names]) for names in columns
            ]
        except MemoryError:
            raise
        except PARQUET_ERRORS as error:
            raise _broken(error) from error
        for row in zip(*values, strict=False):
            yield row_of(row)


def _first_said(columns: list[list[Any]]) -> Iterable[Any]:
    if len(columns) > 1:
        return (first_said(cells, range(len(cells))) for cells in zip(*columns, strict=True))
    return columns[0] if columns else repeat(None)


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
        raise MalformedManifestError(f"The list unpacks to more than {MAX_MANIFEST_BYTES:,} bytes.")


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
