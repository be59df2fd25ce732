"""Files of URLs: which format they are in, and whether they fit into a request."""

from dataclasses import dataclass
from pathlib import Path

from crawlset_client.errors import InvalidListError

MAX_URLS_IN_REQUEST = 10_000
MAX_BYTES_IN_REQUEST = 4 << 20
"""Below what the API takes as one request, with room for JSON."""
MAX_MANIFEST_BYTES = 1 << 30

FORMATS = {
    ".txt": "txt",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}


@dataclass(frozen=True)
class UrlList:
    path: Path
    n_bytes: int
    format: str
    urls: tuple[str, ...] | None
    """None for a file that has to be uploaded."""


def read_url_list(path: Path) -> UrlList:
    """
    What `path` holds, by its suffix: .txt .csv .jsonl .ndjson .parquet, gzipped with .gz.

    A text file has one URL a line; blank lines and those that begin with # do not count.
    Raises `InvalidListError`.
    """
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise InvalidListError(path, f"its suffix is none of {known} (and .gz)")
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise InvalidListError(path, "not a file")
        if size == 0:
            raise InvalidListError(path, "the file is empty")
        if size > MAX_MANIFEST_BYTES:
            raise InvalidListError(
                path, f"{size:,} bytes, where {MAX_MANIFEST_BYTES:,} are allowed"
            )
        is_plain = FORMATS[suffix] == "txt" and not path.name.lower().endswith(".gz")
        urls = _read_urls(path) if is_plain and size <= MAX_BYTES_IN_REQUEST else None
    except OSError as error:
        raise InvalidListError(path, str(error.strerror)) from error
    return UrlList(path, size, FORMATS[suffix], urls)


def _read_urls(path: Path) -> tuple[str, ...] | None:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise InvalidListError(path, f"byte {error.start:,} is not UTF-8") from error
    urls = tuple(url for line in lines if (url := line.strip()) and not url.startswith("#"))
    if not urls:
        raise InvalidListError(path, "there is no URL in it")
    return urls if len(urls) <= MAX_URLS_IN_REQUEST else None
