"""Manifests in Parquet. Imports pyarrow, so is itself imported only for one of these."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from crawlset.settings import MAX_MANIFEST_BYTES
from crawlset.sources.manifest_columns import (
    COLUMNS,
    MalformedManifestError,
    Places,
    table_places,
    wanted_names,
)
from crawlset.sources.manifest_rows import Row, rows_of
from crawlset.sources.reading_place import PlaceKeeper, ReadingPlace
from crawlset.sources.stated_hashes import N_BYTES
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

    Lists of numbers and columns with bytes or times inside are kept where they are named, whole or
    in part (`image.url`); bytes also where the URLs themselves are bytes, as old writers and Spark
    leave texts (https://spark.apache.org/docs/latest/sql-data-sources-parquet.html).

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
    types = [_type_at(schema, name) for name in names]
    first_url = at.columns[0][0]
    if not any(_is_text(types[place]) for place in at.columns[0]):
        told = str(types[first_url])[:80]
        raise MalformedManifestError(f"The column {names[first_url]} holds {told}, not text.")
    read = _columns_read(names, types, at, reading)
    _check_size(metadata, [name for name in read if name])
    keeper = keeper or PlaceKeeper()
    for group in range(keeper.start.group, metadata.num_row_groups):
        n_rows = 0
        keeper.follow(lambda: ReadingPlace(n_rows, group=group))  # noqa: B023 - while it is read
        for row in _rows_of_group(stream, group, read, at):
            n_rows += 1
            yield row


def _columns_read(
    names: Sequence[str], types: Sequence[Any], at: Places, reading: ListReading
) -> list[str | None]:
    """The names with None for each that is not read: a second of one name, or one not kept."""
    has_bytes = _is_bytes(types[at.columns[0][0]])
    wanted = {name.strip().lower() for name in wanted_names(reading)}
    read: list[str | None] = []
    meant = {place for _, place in at.said}
    kept = {place for place, _ in at.others}.union(at.meant)
    for place, (name, type_) in enumerate(zip(names, types, strict=True)):
        can_say = _is_plain(type_) or _is_list_of_texts(type_)
        is_wanted = name.lower() in wanted or _is_kept(type_, has_bytes=has_bytes)
        is_read = (place in meant and can_say) or (place in kept and is_wanted)
        read.append(name if is_read and names.index(name) == place else None)
    return read


def _rows_of_group(
    stream: BinaryIO, group: int, names: list[str | None], at: Places
) -> Iterator[Row]:
    """Rows of the columns `names`; None stands for one that is not read."""
    hashed = {
        names[place]: N_BYTES[column]
        for column, places in zip(COLUMNS, at.columns, strict=True)
        if column in N_BYTES
        for place in places
    }
    file = pq.ParquetFile(stream, pre_buffer=False, buffer_size=READ_BYTES)
    wanted = [name for name in names if name is not None]
    batches = file.iter_batches(BATCH_ROWS, row_groups=[group], columns=wanted, use_threads=False)
    while True:
        try:
            batch = next(batches, None)
            if batch is None:
                return
            values = [
                repeat(None) if name is None else _cells(batch, name, hashed.get(name))
                for name in names
            ]
        except MemoryError:
            raise
        except PARQUET_ERRORS as error:
            raise _broken(error) from error
        for row in zip(*values, strict=False):
            yield from rows_of(row, at)


def _cells(batch: Any, name: str, hash_bytes: int | None) -> list[Any]:
    """The cells of a column; the bytes of a hash in hexadecimal, if it has `hash_bytes`."""
    there = batch.schema.names
    top, *parts = [name] if name in there else name.split(".")
    cells = _values(batch.column(there.index(top)))
    for part in parts:
        cells = [cell.get(part) if isinstance(cell, dict) else None for cell in cells]
    if hash_bytes is None:
        return cells
    return [
        cell.hex() if isinstance(cell, bytes) and len(cell) == hash_bytes else cell
        for cell in cells
    ]


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
    Times are texts: Python has no nanoseconds, no years above 9999, and opens files for time zones.
    """
    if pa.types.is_dictionary(column.type) and pa.types.is_temporal(column.type.value_type):
        column = column.dictionary_decode()
    if pa.types.is_temporal(column.type):
        return _times(column)
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return [_decoded(cell) for cell in column]


def _times(column: Any) -> list[str | None]:
    """Texts in the order of ISO 8601; those of a time zone are of UTC, and end in Z."""
    is_zoned = pa.types.is_timestamp(column.type) and column.type.tz is not None
    if is_zoned:
        column = column.cast(pa.timestamp(column.type.unit))
    texts = column.cast(pa.string()).to_pylist()
    return [text and f"{text}Z" for text in texts] if is_zoned else texts


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
    """Whether a column is kept that is not named: of numbers a cell may have any number."""
    if _is_bytes(type_):
        return has_bytes
    if _is_list(type_):
        is_number = _is_plain(type_.value_type) and not _is_text(type_.value_type)
        return not is_number and _is_kept_inside(type_.value_type)
    return _is_kept_inside(type_) or pa.types.is_temporal(type_)


def _is_kept_inside(type_: Any) -> bool:
    """Whether what has this type is kept as a part of another column."""
    if pa.types.is_struct(type_):
        return all(_is_kept_inside(field.type) for field in type_)
    if pa.types.is_map(type_):
        return _is_kept_inside(type_.key_type) and _is_kept_inside(type_.item_type)
    if _is_list(type_):
        return _is_kept(type_, has_bytes=False)
    return _is_plain(type_) and not _is_bytes(type_)


def _is_list(type_: Any) -> bool:
    """Whether a type is of lists; maps and structs are none."""
    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(is_kind(type_) for is_kind in kinds)


def _is_list_of_texts(type_: Any) -> bool:
    return _is_list(type_) and _is_text(type_.value_type)


def _value_type(type_: Any) -> Any:
    """Categories of pandas are dictionaries."""
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def _is_text(type_: Any) -> bool:
    return _value_type(type_) in TEXTS or _is_bytes(type_)


def _is_bytes(type_: Any) -> bool:
    type_ = _value_type(type_)
    return type_ in BYTES or pa.types.is_fixed_size_binary(type_)


def _broken(error: Exception) -> MalformedManifestError:
    return MalformedManifestError(f"The Parquet file is broken: {str(error)[:200]}")
