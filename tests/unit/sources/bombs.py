"""Manifests made to fill a memory or to take for ever, each by another way."""

import gzip
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

MIB = 1 << 20
N_VARINT_BYTES = 5
URL = b"https://a.example/1.jpg\n"
LONG = "https://a.example/" + "x" * MIB


def _gzipped(piece: bytes, n_times: int, first: bytes = b"") -> bytes:
    """Gzip lets members follow each other, so a bomb is one of them, many times."""
    return gzip.compress(first, mtime=0) + gzip.compress(piece, mtime=0) * n_times


def _parquet(table: pa.Table, **options: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def _page_that_lies() -> bytes:
    """160 MiB in one page of zstd, whose header says that it unpacks to 2 GiB."""
    text = pa.array([URL.decode() + "x" * (160 * MIB)], pa.large_string())
    body = _parquet(
        pa.table({"url": text}), compression="zstd", use_dictionary=False, write_statistics=False
    )
    size_at = 7  # behind the magic and, in compact Thrift, the type of the page
    return body[:size_at] + _varint((2**31 - 1) << 1) + body[size_at + N_VARINT_BYTES :]


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _wide_csv() -> bytes:
    return b"url" + b"," * 980_000 + b"\n" + URL


def _one_value_a_million_times() -> bytes:
    places = pa.array([0], pa.int32()).take(pa.array([0] * 1_000_000, pa.int32()))
    texts = pa.DictionaryArray.from_arrays(places, pa.array([LONG]))
    return _parquet(pa.table({"url": texts}), compression="zstd")


def _shared_prefixes() -> bytes:
    texts = pa.array([LONG[: 200 << 10] + str(n) for n in range(1_000)])
    return _parquet(
        pa.concat_tables([pa.table({"url": texts})] * 5),
        use_dictionary=False,
        column_encoding={"url": "DELTA_BYTE_ARRAY"},
        compression="zstd",
        write_statistics=False,
        data_page_size=1 << 30,
    )


def _nested_title() -> bytes:
    n_items = 50_000_000
    items = pa.nulls(n_items, pa.int8())
    title = pa.ListArray.from_arrays(pa.array([0, n_items], pa.int32()), items)
    return _parquet(pa.table({"url": [URL.decode()], "title": title}), compression="zstd")


def _wide_parquet() -> bytes:
    return _parquet(pa.table({"url": ["x"]} | {f"c{n}": pa.array([1]) for n in range(5_000)}))


def _many_row_groups() -> bytes:
    urls = pa.table({"url": [f"https://a.example/{n}.jpg" for n in range(20_000)]})
    return _parquet(urls, row_group_size=1)


def _scattered() -> bytes:
    """Row groups far apart, each of which takes a request of its own."""
    out = io.BytesIO()
    padding = pa.array([bytes(5 * MIB)], pa.binary())
    table = pa.table({"url": [URL.decode()], "padding": padding})
    with pq.ParquetWriter(out, table.schema, compression="none", use_dictionary=False) as writer:
        for _ in range(12):
            writer.write_table(table)
    return out.getvalue()


def _zipped(**pieces: tuple[bytes, int]) -> bytes:
    """Tables by the names they have without a suffix: a piece each, and how often it comes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, (piece, n_times) in pieces.items():
            with file.open(f"{name}.txt", "w", force_zip64=True) as member:
                columns = (
                    b"gbifID\tidentifier\ttype" if name == "multimedia" else b"gbifID\tspecies"
                )
                member.write(columns + b"\n1\t" + URL)
                for _ in range(n_times):
                    member.write(piece)
    return out.getvalue()


def _zip_of_names() -> bytes:
    """A directory of a million and a half entries, all of one file that is not there."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, *[0] * 7, 1, *[0] * 6) + b"x"
    n_bytes = 1_500_000 * len(entry)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65_535, 65_535, n_bytes, 4, 0)
    return b"PK\3\4" + entry * 1_500_000 + end


def _tar_of_names() -> bytes:
    header = tarfile.TarInfo("x").tobuf()
    return _gzipped(header * 2_048, 500)


BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a line of 1 GiB": ("txt", lambda: _gzipped(b"x" * MIB, 1_024, URL)),
    "a billion blank lines": ("txt", lambda: _gzipped(b"\n" * MIB, 1_000, URL)),
    "comments beyond 1 GiB": ("txt", lambda: _gzipped((b"#" * 1_023 + b"\n") * 1_024, 1_100, URL)),
    "a thousand rows of 1 MiB": ("txt", lambda: _gzipped(LONG[: MIB - 1].encode() + b"\n", 1_000)),
    "two million rows": ("txt", lambda: _gzipped(URL * 10_000, 200)),
    "a name in the gzip header": ("txt", lambda: b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 64 * MIB),
    "empty gzip members": ("txt", lambda: _gzipped(b"", 200_000, URL)),
    "zeros behind gzip": ("txt", lambda: gzip.compress(URL, mtime=0) + bytes(64 * MIB)),
    "a million columns": ("csv", _wide_csv),
    "a million cells a row": ("csv", lambda: _gzipped(b"," * (MIB - 1) + b"\n", 1_000, b"url\n")),
    "a row over many lines": ("csv", lambda: _gzipped(b'"\n",' * (MIB // 4), 1_000, b"url\n")),
    "a quote that is not closed": ("csv", lambda: _gzipped(b"x\n" * MIB, 500, b'url\n"')),
    "a quote that opens in every line": ("csv", lambda: b"url\n" + b'a","c\n' * 40_000),
    "a quote that opens in every line of 1 GiB": (
        "csv",
        lambda: _gzipped(b'a","c\n' * (MIB // 6), 1_000, b"url\n" + URL),
    ),
    "a quote that opens in every long line": (
        "csv",
        lambda: _gzipped((b'a",' + b'"",' * 900 + b'"c\n') * 380, 200, b"url\n" + URL),
    ),
    "a line of 1 GiB in UTF-16": ("txt", lambda: _gzipped(b"x\0" * (MIB // 2), 2_100, b"\xff\xfe")),
    "999 cells in every row": (
        "csv",
        lambda: _gzipped((b"," * 998 + b"\n") * 1_050, 100, b"url\n" + URL),
    ),
    "a hundred thousand names": (
        "jsonl",
        lambda: _gzipped(_json({f"{n}": 0 for n in range(90_000)}), 100),
    ),
    "lines full of objects": (
        "jsonl",
        lambda: _gzipped(b'{"url":[' + b"{}," * 349_000 + b"{}]}\n", 100),
    ),
    "lines of wide letters": (
        "jsonl",
        lambda: _gzipped(
            _json({"url": URL.decode(), "title": "\U0001f600" + "x" * 1_040_000}), 100
        ),
    ),
    "nested a million deep": ("jsonl", lambda: b"[" * (MIB - 1) + b"\n"),
    "numbers of 4,300 digits": (
        "jsonl",
        lambda: _gzipped(_json({"width": [10**4_299] * 240}), 100),
    ),
    "one value a million times": ("parquet", _one_value_a_million_times),
    "a page that lies": ("parquet", _page_that_lies),
    "texts that share a beginning": ("parquet", _shared_prefixes),
    "a cell of 50 million items": ("parquet", _nested_title),
    "five thousand columns": ("parquet", _wide_parquet),
    "a row group a row": ("parquet", _many_row_groups),
    "row groups far apart": ("parquet", _scattered),
    "media of 1 GiB": ("txt", lambda: _zipped(multimedia=(b"\n" * MIB, 1_100))),
    "a line of occurrences of 1 GiB": (
        "txt",
        lambda: _zipped(multimedia=(b"", 0), occurrence=(b"x" * MIB, 1_100)),
    ),
    "a species of its own for each picture": (
        "txt",
        lambda: _zipped(
            multimedia=(b"".join(b"%d\t" % n + URL for n in range(200_000)), 1),
            occurrence=(b"".join(b"%d\t%d%s\n" % (n, n, b"x" * 900) for n in range(200_000)), 1),
        ),
    ),
    "a zip file of a million names": ("txt", _zip_of_names),
    "a tar file of a million names": ("txt", _tar_of_names),
}
"""Format and bytes by what is bad about them."""
