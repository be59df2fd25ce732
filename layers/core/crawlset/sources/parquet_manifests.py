"""Manifests in Parquet. Imports pyarrow, so is itself imported only for one of these."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from crawlset.settings import MAX_MANIFEST_BYTES
from crawlset.sources.manifest_columns import (
    MalformedManifestError,
    Places,
    table_places,
    wanted_names,
)
from crawlset.sources.manifest_rows import Row, rows_of
from crawlset.sources.reading_place import PlaceKeeper, ReadingPlace
from crawlset.wire.searches import AS_FOUND, ListReading

BATCH_ROWS = 1_000
READ_BYTES = 1 << 20
TEXTS = frozenset({pa.string(), pa.large_string(), pa.string_view()})
BYTES = frozenset({pa.binary(), pa.large_binary(), pa.binary_view()})
PARQUET_ERRORS = (pa.ArrowException, OSError, UnicodeDecodeError)


def rows(
    stream: BinaryIO, reading: ListReading = AS_FOUND, keeper: PlaceKeeper | None = None
) -> Iterator[Row]:
    """
    Every row, batch by batch and only the columns that are kept; from the row group of `keeper` on.

    Nested columns are kept where they are lists of texts, or are named, whole or in part
    (`image.url`); bytes where they are named, or where the URLs themselves are bytes, as old
    writers and Spark leave texts (https://spark.apache.org/docs/latest/sql-data-sources-parquet.html).

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
    names = [*schema.names, *_nested_names(schema, reading)]
    at = table_places(names, reading)
    types = {name: _type_at(schema, name) for name in names}
    urls = [names[place] for place in at.columns[0]]
    if not any(_is_text(types[name]) for name in urls):
        told = str(types[urls[0]])[:80]
        raise MalformedManifestError(f"The column {urls[0]} holds {told}, not text.")
    has_bytes = _value_type(types[urls[0]]) in BYTES
    named = frozenset(wanted_names(reading))
    meant = {place for places in at.columns for place in places}
    kept = {place for place, _ in at.others}
    read = [
        name
        if (place in meant and (_is_plain(types[name]) or _is_list_of_texts(types[name])))
        or (place in kept and (name in named or _is_kept(types[name], has_bytes=has_bytes)))
        else None
        for place, name in enumerate(names)
    ]
    _check_size(metadata, [name for name in read if name])
    keeper = keeper or PlaceKeeper()
    for group in range(keeper.start.group, metadata.num_row_groups):
        n_rows = 0
        keeper.follow(lambda: ReadingPlace(n_rows, group=group))  # noqa: B023 - while it is read
        for row in _rows_of_group(stream, group, read, at):
            n_rows += 1
            yield row


def _rows_of_group(
    stream: BinaryIO, group: int, names: list[str | None], at: Places
) -> Iterator[Row]:
    """Rows of the columns `names`; None stands for one that is not read."""
    file = pq.ParquetFile(stream, pre_buffer=False, buffer_size=READ_BYTES)
    wanted = [name for name in names if name is not None]
    batches = file.iter_batches(BATCH_ROWS, row_groups=[group], columns=wanted, use_threads=False)
    while True:
        try:
            batch = next(batches, None)
            if batch is None:
                return
            values = [repeat(None) if name is None else _cells(batch, name) for name in names]
        except MemoryError:
            raise
        except PARQUET_ERRORS as error:
            raise _broken(error) from error
        for row in zip(*values, strict=False):
            yield from rows_of(row, at)


def _cells(batch: Any, name: str) -> list[Any]:
    if name in batch.schema.names:
        return _values(batch.column(name))
    top, *parts = name.split(".")
    cells = _values(batch.column(top))
    for part in parts:
        cells = [cell.get(part) if isinstance(cell, dict) else None for cell in cells]
    return cells


def _nested_names(schema: Any, reading: ListReading) -> Iterator[str]:
    """Names in `reading` of what is inside a column."""
    for name in wanted_names(reading):
        if "." in name and name not in schema.names and _type_at(schema, name) is not None:
            yield name


def _type_at(schema: Any, name: str) -> Any:
    """The type of a column, or of what is inside one; None if there is none, or two."""
    if name in schema.names:
        return schema.types[schema.names.index(name)]
    top, *parts = name.split(".")
    place = schema.get_field_index(top)
    type_: Any = schema.field(place).type if place >= 0 else None
    for part in parts:
        is_struct = type_ is not None and pa.types.is_struct(type_)
        place = type_.get_field_index(part) if is_struct else -1
        type_ = type_.field(place).type if place >= 0 else None
    return type_


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


def _check_size(metadata: Any, columns: Sequence[str]) -> None:
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    n_bytes = sum(
        group.column(place).total_uncompressed_size
        for group in groups
        for place in range(group.num_columns)
        if f"{group.column(place).path_in_schema}.".startswith(
            tuple(f"{name}." for name in columns)
        )
    )
    if n_bytes > MAX_MANIFEST_BYTES:
        raise MalformedManifestError(
            f"The list unpacks to more than {MAX_MANIFEST_BYTES:,} bytes. Split it, or name the"
            " columns to keep by keep_columns."
        )


def _is_plain(type_: Any) -> bool:
    """Whether a cell can say anything: of a nested column, one cell can fill the memory."""
    type_ = _value_type(type_)
    is_number = pa.types.is_integer(type_) or pa.types.is_floating(type_)
    return _is_text(type_) or is_number or pa.types.is_decimal(type_) or pa.types.is_boolean(type_)


def _is_kept(type_: Any, *, has_bytes: bool) -> bool:
    """Whether a column is kept that is not named."""
    if _is_list_of_texts(type_):
        return True
    if _value_type(type_) in BYTES:
        return has_bytes
    is_time = pa.types.is_temporal(type_) and not pa.types.is_duration(type_)
    return _is_plain(type_) or is_time


def _is_list_of_texts(type_: Any) -> bool:
    is_list = pa.types.is_list(type_) or pa.types.is_large_list(type_)
    return is_list and _value_type(type_.value_type) in TEXTS


def _value_type(type_: Any) -> Any:
    """Categories of pandas are dictionaries."""
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def _is_text(type_: Any) -> bool:
    return _value_type(type_) in TEXTS | BYTES


def _broken(error: Exception) -> MalformedManifestError:
    return MalformedManifestError(f"The Parquet file is broken: {str(error)[:200]}")
