"""
Lists of URLs that people upload: text, CSV, JSON lines (each gzipped or not) and Parquet.

A manifest is read as a stream in flat memory, whatever it claims to be.
"""

import gzip
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, cast

from crawlset import licences
from crawlset.kit import objects
from crawlset.settings import MAX_CANDIDATES, MAX_MANIFEST_BYTES
from crawlset.sources import text_manifests
from crawlset.sources.manifest_rows import COLUMNS, MalformedManifestError, Row
from crawlset.sources.protocol import Candidate
from crawlset.sources.stored_file import open_stored
from crawlset.urls.spelling import is_url
from crawlset.wire.searches import ManifestFormat

INSPECTED_ROWS = 1_000
INSPECTED_BYTES = 256 << 10
MAX_DIGITS = 10
PARQUET_MAGIC = b"PAR1"
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Manifest:
    key: str
    size: int
    version: str
    format: ManifestFormat
    is_gzipped: bool


def open_manifest(key: str, stated: ManifestFormat | None = None) -> Manifest:
    """
    A manifest of the `stated` format, or else of the one its beginning tells.

    Raises `MalformedManifestError` when there is none, it is empty or larger than 1 GiB, or it
    begins as another format does.
    """
    found = objects.head(key)
    if found is None:
        raise MalformedManifestError("The manifest has not been uploaded.")
    size, version = found
    if size > MAX_MANIFEST_BYTES:
        raise MalformedManifestError(
            f"The manifest has {size:,} bytes; {MAX_MANIFEST_BYTES:,} are allowed."
        )
    beginning, is_gzipped = _beginning(open_stored(key, size, version, INSPECTED_BYTES))
    if not beginning.strip():
        raise MalformedManifestError("The manifest is empty.")
    format_ = stated or _guessed(beginning)
    is_parquet = beginning.startswith(PARQUET_MAGIC)
    if is_parquet and is_gzipped:
        raise MalformedManifestError("A Parquet manifest may not be gzipped as a whole.")
    if is_parquet != (format_ is ManifestFormat.parquet):
        actual = "is Parquet" if is_parquet else "does not begin as Parquet does"
        raise MalformedManifestError(f"The manifest should be {format_}, but it {actual}.")
    return Manifest(key, size, version, format_, is_gzipped)


def inspect(key: str, stated: ManifestFormat | None = None) -> Manifest:
    """
    Look at the beginning of a manifest, cheaply enough for a request to wait for it.

    Raises what `open_manifest` raises, and `MalformedManifestError` for what is wrong in its
    first 1,000 rows. Of a Parquet file only the ends are looked at, without pyarrow.
    """
    manifest = open_manifest(key, stated)
    if manifest.format is ManifestFormat.parquet:
        stream = open_stored(key, manifest.size, manifest.version, INSPECTED_BYTES)
        stream.seek(-len(PARQUET_MAGIC), io.SEEK_END)
        if stream.read() != PARQUET_MAGIC:
            raise MalformedManifestError("The Parquet file is cut short.")
    else:
        rows = list(islice(_rows(manifest, INSPECTED_BYTES), INSPECTED_ROWS))
        if len(rows) < INSPECTED_ROWS:
            _count(rows)
    return manifest


def check(manifest: Manifest, limit: int = MAX_CANDIDATES) -> int:
    """
    Read a manifest to its end, or its millionth row where fewer are wanted; count the rows.

    Raises `MalformedManifestError` for whatever keeps it from being read, for no URL at all and
    for more rows than that, unless only the first `limit` are wanted. A row that holds no URL is
    no such error.
    """
    rows = _rows(manifest)
    return _count(islice(rows, MAX_CANDIDATES) if limit < MAX_CANDIDATES else rows)


def read(manifest: Manifest) -> Iterator[Candidate]:
    """Every row as a candidate, in order; one without a URL says so in place of it."""
    for number, row in enumerate(_rows(manifest), 1):
        url, keyword, licence, creator, landing_url, title, width, height = row
        yield Candidate(
            url=f"row {number}: no url" if url is None else url,
            keyword=keyword,
            licence=licence and licences.normalise(licence),
            licence_raw=licence,
            creator=creator,
            landing_url=landing_url,
            title=title,
            width=_pixels(width),
            height=_pixels(height),
        )


def _pixels(text: str | None) -> int | None:
    """What is no number of pixels says nothing; Parquet has them as numbers with a point."""
    number = (text or "").removesuffix(".0")
    return int(number) if number.isdecimal() and len(number) < MAX_DIGITS else None


def _count(rows: Iterable[Row]) -> int:
    n_rows = 0
    has_url = False
    for n_rows, (url, *_) in enumerate(rows, 1):
        if n_rows > MAX_CANDIDATES:
            raise MalformedManifestError(
                f"The manifest has more than {MAX_CANDIDATES:,} rows. Split it, or take the first"
                " ones only by max_images."
            )
        has_url = has_url or (url is not None and is_url(url))
    if not has_url:
        raise MalformedManifestError("There is no URL in the manifest.")
    return n_rows


def _rows(manifest: Manifest, read_ahead: int | None = None) -> Iterator[Row]:
    stream = open_stored(manifest.key, manifest.size, manifest.version, read_ahead)
    if manifest.format is ManifestFormat.parquet:
        from crawlset.sources import parquet_manifests  # noqa: PLC0415 - brings pyarrow

        return parquet_manifests.rows(stream)
    unpacked: BinaryIO = stream
    if manifest.is_gzipped:
        unpacked = cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    return text_manifests.rows(unpacked, manifest.format)


def _beginning(stream: io.BufferedReader) -> tuple[bytes, bool]:
    is_gzipped = stream.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    stream.seek(0)
    if not is_gzipped:
        return stream.read(INSPECTED_BYTES), False
    try:
        return gzip.GzipFile(fileobj=stream).read(INSPECTED_BYTES), True
    except text_manifests.GZIP_ERRORS as error:
        raise MalformedManifestError("The gzip data is broken at its beginning.") from error


def _guessed(beginning: bytes) -> ManifestFormat:
    if beginning.startswith(PARQUET_MAGIC):
        return ManifestFormat.parquet
    first = beginning.lstrip(b"\xef\xbb\xbf \t\r\n").split(b"\n", 1)[0].strip()
    if first.startswith((b"{", b'"http')):
        return ManifestFormat.jsonl
    if first.startswith(b"#"):
        return ManifestFormat.txt
    names = {name.strip(b' "') for name in first.lower().split(b",")}
    is_header = any(alias.encode() in names for alias in COLUMNS["url"])
    return ManifestFormat.csv if is_header else ManifestFormat.txt
