"""
Lists of URLs that people upload: text, CSV, JSON (each packed or not) and Parquet.

A request looks at the beginning of one only; the whole is read in a child process,
`manifest_child`.
"""

import gzip
import io
from collections import deque
from collections.abc import Buffer, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from crawlset import licences
from crawlset.kit import objects
from crawlset.settings import MAX_CANDIDATES, MAX_MANIFEST_BYTES
from crawlset.sources import manifest_child, text_manifests
from crawlset.sources.manifest_columns import (
    MAX_LEVELS,
    MalformedManifestError,
    is_within,
    value_of,
)
from crawlset.sources.manifest_rows import SKIPPED, Row, checked
from crawlset.sources.manifest_wire import Packing
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.sources.reading_place import START, ReadingPlace
from crawlset.sources.stated_hashes import stated_hash
from crawlset.sources.stored_file import StoredFile
from crawlset.wire.searches import AS_FOUND, ListReading, ManifestFormat

INSPECTED_ROWS = 1_000
INSPECTED_BYTES = 256 << 10
"""Bytes of the beginning of a manifest, as it is stored and as it unpacks."""
MAX_DIGITS = 10
PARQUET_MAGIC = b"PAR1"
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
TAR_MAGIC = b"ustar"
TAR_MAGIC_AT = 257


@dataclass(frozen=True)
class Manifest:
    file: StoredFile
    format: ManifestFormat
    packing: Packing
    reading: ListReading
    beginning: bytes
    """What it begins with, unpacked: 256 KiB at most; nothing of what only the child unpacks."""
    is_whole: bool
    """Whether there is no more than that."""


class ListPage(CandidatePage):
    """Candidates of rows that follow each other in one manifest."""

    def __init__(
        self, candidates: Iterable[Candidate], place: ReadingPlace, n_rows: int, n_bytes: int
    ) -> None:
        super().__init__(candidates)
        self.place = place
        """Where the manifest goes on behind them."""
        self.n_rows = n_rows
        """Rows of the manifest up to there."""
        self.n_bytes = n_bytes
        """Bytes of it that were read up to there."""


def open_manifest(
    key: str,
    stated: ManifestFormat | None = None,
    reading: ListReading = AS_FOUND,
    bucket: str | None = None,
) -> Manifest:
    """
    A manifest of the `stated` format, or else of the one its beginning tells.

    Raises `MalformedManifestError` when there is none, it is empty or larger than 4 GiB, or it
    begins as another format does.
    """
    found = objects.head(key, bucket)
    if found is None:
        told = "is not there, or may not be read" if bucket else "has not been uploaded"
        raise MalformedManifestError(f"The list {told}.")
    file = StoredFile(key, *found, bucket)
    if file.size > MAX_MANIFEST_BYTES:
        raise MalformedManifestError(
            f"The list has {file.size:,} bytes; {MAX_MANIFEST_BYTES:,} are allowed."
        )
    stored = file.read(0, INSPECTED_BYTES)
    packing = _packing_of(stored)
    is_gzipped = packing is Packing.gzip
    is_whole = len(stored) == file.size
    beginning, is_whole = _unpacked(stored, is_whole=is_whole) if is_gzipped else (stored, is_whole)
    if beginning.startswith(TAR_MAGIC, TAR_MAGIC_AT):
        packing = Packing.tar_gzip if is_gzipped else Packing.tar
    if packing is Packing.zstd or packing.is_archive:
        told = ManifestFormat.txt if packing.is_archive else stated or ManifestFormat.txt
        return Manifest(file, told, packing, reading, b"", is_whole=False)
    if not beginning.strip():
        raise MalformedManifestError("The list is empty.")
    format_ = stated or _guessed(beginning, reading)
    is_parquet = beginning.startswith(PARQUET_MAGIC)
    if is_parquet and is_gzipped:
        raise MalformedManifestError("A Parquet file may not be gzipped as a whole.")
    if is_parquet != (format_ is ManifestFormat.parquet):
        actual = "is Parquet" if is_parquet else "does not begin as Parquet does"
        raise MalformedManifestError(f"The list should be {format_}, but it {actual}.")
    return Manifest(file, format_, packing, reading, beginning, is_whole)


def inspect(
    key: str, stated: ManifestFormat | None = None, reading: ListReading = AS_FOUND
) -> Manifest:
    """
    Look at the beginning of a manifest, cheaply enough for a request to wait for it.

    Raises what `open_manifest` raises, and `MalformedManifestError` for what is wrong in its
    first 1,000 rows or 256 KiB. Of a Parquet file only the ends are looked at, without pyarrow,
    and of an archive or one that zstd packed how it begins.
    """
    manifest = open_manifest(key, stated, reading)
    if manifest.format is ManifestFormat.parquet:
        end = manifest.file.read(manifest.file.size - len(PARQUET_MAGIC), len(PARQUET_MAGIC))
        if end != PARQUET_MAGIC:
            raise MalformedManifestError("The Parquet file is cut short.")
    elif manifest.packing in {Packing.plain, Packing.gzip}:
        _check_beginning(manifest)
    return manifest


def read(
    manifest: Manifest,
    limit: int = MAX_CANDIDATES,
    start: ReadingPlace = START,
    n_before: int = 0,
) -> Iterator[ListPage]:
    """
    Every row as a candidate, in order and page by page; one without a URL says so in place of it,
    and one that is no picture is counted as skipped.

    From a `start` that is not the beginning, and has `n_before` rows before it, a manifest is read
    that was found readable.
    Raises `MalformedManifestError` before the first page, for whatever keeps the manifest from
    being read to its end, for no URL at all and for more than ten million rows, unless only the
    first `limit` are wanted.
    """
    n_rows = n_before
    pages = manifest_child.pages(
        manifest.file,
        manifest.format,
        manifest.packing,
        manifest.reading,
        limit=limit,
        start=start,
    )
    for page in pages:
        numbered = enumerate(page.rows, n_rows + 1)
        candidates = [_candidate(row, number) for number, row in numbered if row]
        n_rows += len(page.rows)
        found = ListPage(candidates, page.place, n_rows, page.n_bytes)
        found.n_skipped = page.rows.count(SKIPPED)
        yield found


def _candidate(row: Row, number: int) -> Candidate:
    url, keyword, licence, creator, landing_url, title, width, height, *hashes, credit, others = row
    return Candidate(
        url=f"row {number}: no url" if url is None else url,
        keyword=keyword,
        licence=licence and licences.normalise(licence),
        licence_raw=licence,
        creator=creator,
        landing_url=landing_url,
        attribution=credit,
        title=title,
        width=_pixels(width),
        height=_pixels(height),
        columns=_columns(others),
        expected=stated_hash(*hashes),
    )


def _columns(others: str | None) -> dict[str, Any] | None:
    """Read what can be anything: what it was read from may have taken the child over."""
    if others is None:
        return None
    try:
        columns = value_of(others)
    except (ValueError, RecursionError) as error:
        raise manifest_child.ManifestReaderError("It gives columns that make no sense.") from error
    if not isinstance(columns, dict) or not is_within(columns, MAX_LEVELS + 1):
        raise manifest_child.ManifestReaderError("It gives columns that make no sense.")
    return columns


def _pixels(text: str | None) -> int | None:
    """What is no number of pixels says nothing; Parquet has them as numbers with a point."""
    number = (text or "").removesuffix(".0")
    return int(number) if number.isdecimal() and len(number) < MAX_DIGITS else None


class _EndOfBeginningError(Exception):
    """What there is to look at ends in the middle of a line."""


class _Beginning(io.BytesIO):
    """The beginning of a longer stream."""

    def readinto(self, buffer: Buffer, /) -> int:
        n_bytes = super().readinto(buffer)
        if not n_bytes:
            raise _EndOfBeginningError
        return n_bytes


def _check_beginning(manifest: Manifest) -> None:
    kind = io.BytesIO if manifest.is_whole else _Beginning
    with suppress(_EndOfBeginningError):
        rows = text_manifests.rows(kind(manifest.beginning), manifest.format, manifest.reading)
        deque(islice(checked(rows), INSPECTED_ROWS), maxlen=0)


def _unpacked(stored: bytes, *, is_whole: bool) -> tuple[bytes, bool]:
    """The beginning of what gzip made `stored` of, and whether that is all."""
    unpacked = bytearray()
    stream = gzip.GzipFile(fileobj=io.BytesIO(stored))
    try:
        while len(unpacked) < INSPECTED_BYTES:
            piece = stream.read1(INSPECTED_BYTES - len(unpacked))
            if not piece:
                return bytes(unpacked), is_whole
            unpacked += piece
    except text_manifests.UNPACKING_ERRORS as error:
        if is_whole or not isinstance(error, EOFError):
            raise MalformedManifestError("The gzip data is broken at its beginning.") from error
    return bytes(unpacked), False


def _packing_of(stored: bytes) -> Packing:
    if stored.startswith(ZSTD_MAGIC):
        return Packing.zstd
    if stored.startswith(ZIP_MAGICS):
        return Packing.zip
    return Packing.gzip if stored.startswith(GZIP_MAGIC) else Packing.plain


def _guessed(beginning: bytes, reading: ListReading) -> ManifestFormat:
    if beginning.startswith(PARQUET_MAGIC):
        return ManifestFormat.parquet
    first = text_manifests.beginning_of(io.BytesIO(beginning), reading.encoding)
    return text_manifests.format_of(first, reading)
