"""Files of URLs: which format they are in, and whether they fit into a request."""

import csv
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from crawlset_client.errors import InvalidListError

MAX_URLS_IN_REQUEST = 10_000
MAX_BYTES_IN_REQUEST = 4 << 20
"""Below what the API takes as one request, with room for JSON."""
MAX_MANIFEST_BYTES = 4 << 30
MAX_ROWS = 10_000_000
PIECE_BYTES = 1 << 20
BYTE_ORDER_MARK = "\ufeff"
SIGNS = re.compile(r"[\s,;|]")
"""What may stand between the cells of a line."""

PACKED = (".gz", ".zst")
FORMATS: dict[str, str | None] = {
    ".txt": "txt",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".zip": None,
    ".tar": None,
    ".tgz": None,
}
"""The format that each suffix states; archives say by themselves what is in them."""
COUNTED = frozenset({"txt", "csv", "jsonl"})
"""Formats of a row a line."""


@dataclass(frozen=True)
class UrlList:
    path: Path
    n_bytes: int
    format: str | None
    urls: tuple[str, ...] | None
    """None for a file that has to be uploaded."""


def read_url_list(
    path: Path, max_images: int | None = None, *, is_uploaded: bool = False
) -> UrlList:
    """
    What `path` holds, by its suffix: .txt .csv .tsv .jsonl .ndjson .json .parquet; with .gz or .zst
    behind it, packed; or an archive that the service knows, .zip .tar .tar.gz .tgz.

    A short text with a URL a line is read here, unless `is_uploaded`; blank lines and those that
    begin with # do not count. One with anything else in a line is for the service to read. Files
    that are neither packed nor Parquet are counted: those with more rows than a job may try are
    refused, unless only the first `max_images` are wanted.

    Raises `InvalidListError`, and `OSError` where there is no file that may be read.
    """
    packing, suffix = _suffixes(path)
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise InvalidListError(path, f"its suffix is none of {known} (and {', '.join(PACKED)})")
    size = path.stat().st_size
    if not path.is_file():
        raise InvalidListError(path, "not a file")
    if size == 0:
        raise InvalidListError(path, "the file is empty")
    if size > MAX_MANIFEST_BYTES:
        raise InvalidListError(path, f"{size:,} bytes, where {MAX_MANIFEST_BYTES:,} are allowed")
    format_ = FORMATS[suffix]
    is_plain = format_ in COUNTED and not packing
    is_text = is_plain and format_ == "txt"
    is_short = is_text and size <= MAX_BYTES_IN_REQUEST and not is_uploaded
    urls = _read_urls(path) if is_short else None
    wants_all = max_images is None or max_images >= MAX_ROWS
    if is_plain and wants_all and _is_too_long(path, format_):
        raise InvalidListError(
            path,
            f"it has more than {MAX_ROWS:,} rows; split it, or take the first ones only with"
            " --max-images",
        )
    return UrlList(path, size, format_, urls)


def has_list_suffix(path: Path) -> bool:
    """Whether the file's name ends as that of a list."""
    return _suffixes(path)[1] in FORMATS


def _suffixes(path: Path) -> tuple[str, str]:
    """How the file is packed, if it is, and the suffix before that."""
    packing = next((each for each in PACKED if path.name.lower().endswith(each)), "")
    return packing, Path(path.name.lower().removesuffix(packing)).suffix


def _read_urls(path: Path) -> tuple[str, ...] | None:
    """The lines of a short text; None for what only the service can read, as it is in a file."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
    lines = (line.lstrip(BYTE_ORDER_MARK).strip() for line in text.split("\n"))
    urls = tuple(url for url in lines if url and url[0] != "#")
    if not urls:
        raise InvalidListError(path, "there is no URL in it")
    is_of_urls = not any(SIGNS.search(url) for url in urls) and "://" in urls[0]
    return urls if is_of_urls and len(urls) <= MAX_URLS_IN_REQUEST and "\0" not in text else None


def _is_too_long(path: Path, format_: str | None) -> bool:
    """Whether it has more than 10,000,000 rows. Rows are told apart only where lines are more."""
    with path.open("rb") as file:
        n_lines = sum(map(_count_ends, iter(lambda: file.read(PIECE_BYTES), b"")))
    if n_lines < MAX_ROWS:
        return False
    if format_ == "csv":
        with path.open(encoding="utf-8", errors="replace", newline="") as text:
            n_rows = _count_csv_rows(text)
    else:
        with path.open(encoding="utf-8", errors="replace") as text:
            n_rows = sum(1 for line in map(str.strip, text) if line and line[0] != "#")
    return n_rows > MAX_ROWS


def _count_ends(piece: bytes) -> int:
    """Ends of lines: LF, CRLF or CR."""
    return max(piece.count(b"\n"), piece.count(b"\r"))


def _count_csv_rows(text: TextIO) -> int:
    """Without the header; what is not CSV is for the service to tell."""
    rows = csv.reader(text)
    n_rows = -1
    with suppress(csv.Error):
        for row in rows:
            n_rows += bool(row)
    return n_rows
