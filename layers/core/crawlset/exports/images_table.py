"""`images.parquet`: a row for each exported image, its measures and vectors as columns."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import batched
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from pyarrow import parquet as pq

from crawlset.exports.options import ImagesTable
from crawlset.exports.repository import SnapshotRepository
from crawlset.kit import db
from crawlset.measuring.stored_vectors import StoredVectors, part_reader
from crawlset.models import ExportJob

IMAGES = "images.parquet"
MAX_COLUMNS = 200
"""Columns of measures, at most: the first by name."""
ROWS_AT_ONCE = 2_000
TEXTS = (
    "file_name", "data_file", "split", "class", "keyword", "url", "landing_url", "source",
    "licence", "creator", "title", "sha256", "format",
)  # fmt: skip
NUMBERS = ("image_id", "label", "width", "height", "file_size")


class ImagesTableWriter:
    """
    Collects rows on the disk, as nobody knows which measures there are before the last.

    Closing it writes the table.
    """

    names = (IMAGES,)

    def __init__(self, directory: Path, job: ExportJob, asked: ImagesTable) -> None:
        self._path = directory / IMAGES
        self._open = ExitStack()
        self._directory = Path(self._open.enter_context(TemporaryDirectory()))
        self._rows = self._open.enter_context(
            (self._directory / "rows.jsonl").open("w+", encoding="utf-8")
        )
        self._measures: set[str] = set()
        self._vectors = {
            f"{name}.vector": _vectors(self._directory / name, job, name) for name in asked.vectors
        }

    def add(self, entry: Mapping[str, Any]) -> None:
        """Add a line of the manifest, of an image that is exported."""
        row = {name: entry[name] for name in (*TEXTS, *NUMBERS)}
        for measurer, measures in (entry.get("measures") or {}).items():
            row |= {f"{measurer}.{name}": value for name, value in measures.items()}
        # A measure that is called `vector` makes way for the vectors.
        self._measures |= row.keys() - {*TEXTS, *NUMBERS, *self._vectors}
        self._rows.write(json.dumps(row) + "\n")

    def close(self) -> None:
        with self._open:
            self._rows.seek(0)
            schema = self._schema()
            with pq.ParquetWriter(self._path, schema, compression="zstd") as writer:
                for lines in batched(self._rows, ROWS_AT_ONCE):
                    writer.write_table(self._table([json.loads(line) for line in lines], schema))

    def _schema(self) -> pa.Schema:
        return pa.schema(
            [
                *((name, pa.int64()) for name in NUMBERS),
                *((name, pa.string()) for name in TEXTS),
                *((name, pa.float64()) for name in sorted(self._measures)[:MAX_COLUMNS]),
                *((name, vectors.kind) for name, vectors in self._vectors.items()),
            ]
        )

    def _table(self, rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
        ids = [row["image_id"] for row in rows]
        vectors = {name: stored.column(ids) for name, stored in self._vectors.items()}
        columns = [
            vectors[field.name]
            if field.name in vectors
            else pa.array([row.get(field.name) for row in rows], field.type)
            for field in schema
        ]
        return pa.Table.from_arrays(columns, schema=schema)


def _vectors(path: Path, job: ExportJob, measurer: str) -> StoredVectors:
    def rows() -> Iterator[tuple[int, str]]:
        with db.transaction(job.user_id) as session:
            yield from SnapshotRepository(session, job).stream_parts(measurer)

    return StoredVectors.of(path, list(rows()), part_reader(job.crawl_job_id, measurer))
