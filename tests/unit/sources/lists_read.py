"""Reads lists of a few rows, and tells what they say."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from crawlset.sources import parquet_manifests, text_manifests
from crawlset.sources.manifest_columns import COLUMNS
from crawlset.sources.manifest_rows import Row
from crawlset.wire.searches import AS_FOUND, ListReading, ManifestFormat

A, B, C = (f"https://{name}.example/1.jpg" for name in "abc")
PAGE = "https://pages.example/a"


def told(rows: Iterator[Row]) -> list[dict[str, Any]]:
    """Rows as objects, without what they do not say; an empty one for a row that is skipped."""
    names = [*COLUMNS, "others"]
    found = []
    for row in rows:
        cells = row or (None,) * len(names)
        said = {name: cell for name, cell in zip(names, cells, strict=True) if cell is not None}
        if "others" in said:
            said["others"] = json.loads(said["others"])
        found.append(said)
    return found


def read(
    body: str | bytes, format_: str = "txt", reading: ListReading = AS_FOUND
) -> list[dict[str, Any]]:
    raw = body.encode() if isinstance(body, str) else body
    return told(text_manifests.rows(io.BytesIO(raw), ManifestFormat(format_), reading))


def read_parquet(reading: ListReading = AS_FOUND, **columns: Any) -> list[dict[str, Any]]:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return told(parquet_manifests.rows(out, reading))


def lines(*rows: str) -> str:
    return "".join(f"{row}\n" for row in rows)
