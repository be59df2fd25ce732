"""
The process that reads one manifest: hostile input, so its memory and time are limited.

It holds no credential and opens nothing: whatever it reads of the file it asks its parent for.
"""

import codecs
import gzip
import io
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import islice
from typing import BinaryIO, cast

from crawlset.kit.confinement import allow_cpu, confine
from crawlset.sources import archives, text_manifests
from crawlset.sources import manifest_wire as wire
from crawlset.sources.manifest_columns import MalformedManifestError
from crawlset.sources.manifest_rows import Row, checked
from crawlset.sources.reading_place import START, PlaceKeeper
from crawlset.urls.spelling import is_url
from crawlset.wire.searches import ManifestFormat

MAX_TRACEBACK_BYTES = 4_000
TOO_LARGE = (
    b"The list cannot be read in the memory that a list may take; split it into smaller files,"
    b" or write it with smaller pages and row groups."
)


def main() -> None:
    """Arguments: bytes of address space, CPU seconds, and a JSON object of what is to be read."""
    max_memory, cpu_seconds, asked = sys.argv[1:]
    task = wire.ReadingTask.from_json(asked)
    # What these need is imported while files can be read.
    is_url("http://m\u00fcnchen.example/")
    codecs.lookup("utf-16")
    codecs.lookup(task.reading.encoding or "utf-8")
    if task.format is ManifestFormat.parquet:
        import_module("crawlset.sources.parquet_manifests")
    if task.packing is wire.Packing.zstd:
        import_module("pyarrow")
    if task.packing.is_archive:
        import_module("crawlset.sources.archive_manifests")
        archives.prepare()
    confine(int(max_memory))
    allow_cpu(int(cpu_seconds))
    _say(wire.UP)
    try:
        rows = _reader(task)
        if task.start == START:
            for _ in checked(rows(PlaceKeeper()), task.limit):
                pass
        keeper = PlaceKeeper(task.start)
        n_given = 0
        for page in _pages(islice(rows(keeper), task.start.n_rows, None)):
            n_given += len(page)
            told = [keeper.place(n_given).to_json(), page]
            _say(wire.ROWS, json.dumps(told, separators=(",", ":")).encode())
        _say(wire.END)
    except MalformedManifestError as error:
        _say(wire.MALFORMED, str(error).encode(errors="replace"))
    except MemoryError:
        _say(wire.MALFORMED, TOO_LARGE)
    except Exception:  # noqa: BLE001 - the parent tells it
        _say(wire.BROKEN, traceback.format_exc().encode(errors="replace")[-MAX_TRACEBACK_BYTES:])


def _reader(task: wire.ReadingTask) -> Callable[[PlaceKeeper], Iterator[Row]]:
    """Gives the rows from a place on, each time it is called."""
    if not task.packing.is_archive:
        return lambda keeper: _rows(task, keeper)
    from crawlset.sources import archive_manifests  # noqa: PLC0415 - for these only

    rows = archive_manifests.reader(_stream(task), task.packing, task.reading)
    return lambda _: rows()


def _stream(task: wire.ReadingTask) -> BinaryIO:
    return io.BufferedReader(_Pieces(task.size), buffer_size=wire.MAX_PIECE_BYTES)


def _rows(task: wire.ReadingTask, keeper: PlaceKeeper) -> Iterator[Row]:
    stream = _stream(task)
    if task.format is ManifestFormat.parquet:
        from crawlset.sources import parquet_manifests  # noqa: PLC0415 - brings pyarrow

        return parquet_manifests.rows(stream, task.reading, keeper)
    if task.packing is wire.Packing.plain:
        return text_manifests.rows(stream, task.format, task.reading, keeper)
    return text_manifests.rows(
        _unpacked(stream, task.packing), task.format, task.reading, max_chars=task.max_bytes
    )


def _unpacked(stream: BinaryIO, packing: wire.Packing) -> BinaryIO:
    if packing is wire.Packing.gzip:
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    import pyarrow as pa  # noqa: PLC0415 - for these only

    return cast(BinaryIO, pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd"))


def _pages(rows: Iterator[Row]) -> Iterator[list[Row]]:
    page: list[Row] = []
    n_chars = 0
    for row in rows:
        page.append(row)
        n_chars += sum(map(len, filter(None, row)))
        if len(page) == wire.PAGE_ROWS or n_chars >= wire.PAGE_CHARS:
            yield page
            page, n_chars = [], 0
    if page:
        yield page


class _Pieces(io.RawIOBase):
    """The file, as the parent has it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        length = min(len(buffer), self._size - self._position, wire.MAX_PIECE_BYTES)
        if length <= 0:
            return 0
        _say(wire.WANT, wire.WANTED.pack(self._position, length))
        (n_bytes,) = wire.PIECE.unpack(sys.stdin.buffer.read(wire.PIECE.size))
        piece = sys.stdin.buffer.read(n_bytes)
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


def _say(kind: bytes, what: bytes = b"") -> None:
    sys.stdout.buffer.write(wire.FRAME.pack(kind, len(what)) + what)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
