"""Reads manifests in a child process (`manifest_worker`), which a hostile one may end."""

import json
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import Timer
from types import NoneType
from typing import IO, cast

from crawlset.kit import confinement
from crawlset.observability import logger
from crawlset.settings import MAX_MANIFEST_BYTES
from crawlset.sources import manifest_wire as wire
from crawlset.sources.manifest_columns import COLUMNS, MalformedManifestError
from crawlset.sources.manifest_rows import SKIPPED, Row
from crawlset.sources.reading_place import START, ReadingPlace
from crawlset.sources.stored_file import StoredFile
from crawlset.wire.searches import ListReading, ManifestFormat

MAX_MEMORY = 768 << 20
"""Address space of the child, of which Python and pyarrow take 350 MiB."""
CPU_SECONDS = 90
"""For reading a manifest twice, a GiB of it: a million rows take less than 20."""
MAX_CPU_SECONDS = 240
UNPACKED_ANYWAY = 1 << 30
"""Bytes that any manifest may unpack to, small as it may be stored."""
MOST_PACKED = 50
"""Lists pack to a fifth or a tenth of themselves: what unpacks to more, beyond a GiB, is a bomb."""
SILENT_SECONDS = 120
"""A child that says nothing for so long sleeps, which costs it no CPU time."""
FREE_PIECES = 64
PIECES_PER_MIB = 2
"""A file that is read in more pieces is scattered on purpose, and each takes a request."""

_TEXTS = frozenset({str, NoneType})


@dataclass(frozen=True, slots=True)
class RowPage:
    """Rows of a manifest, and where it goes on behind them."""

    rows: list[Row]
    place: ReadingPlace
    n_bytes: int
    """Bytes of the file that had to be read for them."""


class ManifestReaderError(RuntimeError):
    """The child does not start, or says what no child of ours says."""


def pages(
    file: StoredFile,
    format_: ManifestFormat,
    packing: wire.Packing,
    reading: ListReading,
    *,
    limit: int,
    start: ReadingPlace = START,
) -> Iterator[RowPage]:
    """
    Every row, page by page; the whole file has been found readable before the first page comes.

    One that is not read from its `start` was found readable by then.

    Raises:
        MalformedManifestError: it cannot be read, or not within the memory and the time there are.
        ManifestReaderError: it could not be tried.
    """
    max_bytes = min(MAX_MANIFEST_BYTES, max(UNPACKED_ANYWAY, MOST_PACKED * file.size))
    cpu_seconds = min(MAX_CPU_SECONDS, CPU_SECONDS * max_bytes // UNPACKED_ANYWAY)
    task = wire.ReadingTask(format_, packing, file.size, limit, reading, max_bytes, start)
    confinement.hide_memory()
    process = subprocess.Popen(  # noqa: S603, our own interpreter and module
        [
            sys.executable,
            "-S",
            "-m",
            "crawlset.sources.manifest_worker",
            str(MAX_MEMORY),
            str(cpu_seconds),
            json.dumps(task.to_json()),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=confinement.environment(MALLOC_ARENA_MAX="1"),
    )
    try:
        yield from _pages(process, file, cpu_seconds)
    finally:
        process.kill()
        with suppress(BrokenPipeError):
            process.communicate()


def _pages(
    process: subprocess.Popen[bytes], file: StoredFile, cpu_seconds: int
) -> Iterator[RowPage]:
    inlet, outlet = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
    n_pieces = FREE_PIECES + PIECES_PER_MIB * (file.size >> 20)
    n_bytes = 0
    if _hear(process, outlet) != (wire.UP, b""):
        raise ManifestReaderError(f"It does not start (exit status {process.wait()}).")
    while True:
        kind, said = _hear(process, outlet)
        if kind == wire.ROWS:
            rows, place = _rows(said)
            yield RowPage(rows, place, n_bytes)
        elif kind == wire.WANT:
            n_pieces -= 1
            if n_pieces < 0:
                raise MalformedManifestError("The list's parts are scattered too widely.")
            offset, length = _wanted(said)
            n_bytes = min(file.size, offset + length)
            _send(inlet, file.read(offset, length))
        elif kind == wire.END:
            return
        elif kind == wire.MALFORMED:
            raise MalformedManifestError(said.decode(errors="replace"))
        else:
            raise _death(process, said, cpu_seconds)


def _hear(process: subprocess.Popen[bytes], outlet: IO[bytes]) -> tuple[bytes, bytes]:
    """Kind and content of what the child says next; empty bytes once it has ended."""
    patience = Timer(SILENT_SECONDS, process.kill)
    patience.start()
    try:
        return _read(outlet)
    finally:
        patience.cancel()


def _read(outlet: IO[bytes]) -> tuple[bytes, bytes]:
    head = outlet.read(wire.FRAME.size)
    if len(head) < wire.FRAME.size:
        return b"", b""
    kind, length = wire.FRAME.unpack(head)
    if length > wire.MAX_FRAME_BYTES:
        raise ManifestReaderError(f"It says {length:,} bytes at once.")
    said = outlet.read(length)
    return (kind, said) if len(said) == length else (b"", b"")


def _send(inlet: IO[bytes], piece: bytes) -> None:
    with suppress(BrokenPipeError):  # it has ended, which `_hear` finds
        inlet.write(wire.PIECE.pack(len(piece)) + piece)
        inlet.flush()


def _wanted(said: bytes) -> tuple[int, int]:
    try:
        offset, length = wire.WANTED.unpack(said)
    except struct.error as error:
        raise ManifestReaderError("It asks for what is no piece.") from error
    return offset, min(length, wire.MAX_PIECE_BYTES)


def _rows(said: bytes) -> tuple[list[Row], ReadingPlace]:
    """Read a page in which anything can be: what it was read from may have taken the child over."""
    try:
        told, page = json.loads(said)
        place = ReadingPlace.from_json(told)
        rows = list(map(tuple, page))
    except (ValueError, TypeError, RecursionError) as error:
        raise ManifestReaderError("It gives rows that make no sense.") from error
    for row in rows:
        has_all = len(row) in {len(SKIPPED), len(COLUMNS) + 1}
        if not has_all or not _TEXTS.issuperset(map(type, row)):
            raise ManifestReaderError("It gives rows that make no sense.")
    return rows, place


def _death(
    process: subprocess.Popen[bytes], said: bytes, cpu_seconds: int
) -> MalformedManifestError:
    """Why the child came to no end: it was up, so that the manifest is to blame."""
    exit_status = process.wait()
    logger.error(
        "manifest_reader_died", exit_status=exit_status, said=said.decode(errors="replace")
    )
    if exit_status in {-signal.SIGXCPU, -signal.SIGKILL}:
        return MalformedManifestError(
            f"The list takes longer than {cpu_seconds} seconds to read; split it."
        )
    if said:
        return MalformedManifestError("The list cannot be read; nobody thought of one like it.")
    return MalformedManifestError(
        "The list cannot be read in the memory that a list may take; split it into smaller"
        " files, or write it with smaller pages and row groups."
    )
