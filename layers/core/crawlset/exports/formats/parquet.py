"""Parquet files as `datasets` reads them: the column `image` is a picture, `label` a class."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
from pyarrow import parquet as pq

from crawlset import embedded
from crawlset.exports import croissant_terms as terms
from crawlset.exports.croissant_terms import ImageDescription, Node
from crawlset.exports.formats.base import ExportFormat, Sample, metadata
from crawlset.exports.options import ExportOptions

GROUP_IMAGES = 100
GROUP_BYTES = 64 << 20
TEXTS = (
    "file_name", "class", "url", "landing_url", "source", "query", "keyword", "licence",
    "licence_url", "creator", "title", "attribution", "columns", "rows", "measures",
    "sha256", "format",
)  # fmt: skip
NUMBERS = ("image_id", "width", "height")
EMBEDDED = {
    **{f"embedded_{name}": "string" for name in embedded.TEXTS},
    **{f"embedded_{name}": "float64" for name in embedded.LOCATION},
}
"""Columns of what the file says about itself, by type; null where it does not say it."""


class Parquet(ExportFormat):
    """Tables with the pictures in them."""

    name = "parquet"
    data_names = "data/{split}-{number:05d}-of-{n:05d}.parquet"
    contents = (("data/*.parquet", "`image`, `label` and what is known of each"),)
    is_read_by_hub = True
    loaded_by = "load_dataset('.')"

    def open_writer(self, path: Path) -> "ParquetWriter":
        return ParquetWriter(path, schema(self.plan.classes, self.options))

    def read(self, path: Path) -> Iterator[tuple[str, bytes]]:
        try:
            with pq.ParquetFile(path, page_checksum_verification=False) as file:
                for batch in file.iter_batches(batch_size=GROUP_IMAGES, columns=["image"]):
                    for image in batch.column("image").to_pylist():
                        yield image["path"], image["bytes"]
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"it cannot be read: {error}") from error

    def describe_images(self, data: Sequence[str]) -> ImageDescription:
        """One record set of all files, and where they are several, one of each by its name."""
        if len(data) <= 1:
            alone = [self._records("images", {"fileObject": {"@id": name}}) for name in data]
            return ImageDescription(record_sets=alone)
        tables = {
            "@type": "cr:FileSet",
            "@id": "tables",
            "name": {"en": "tables"},
            "encodingFormat": terms.ENCODINGS[".parquet"],
            "includes": ["data/*.parquet"],
        }
        together = self._records("images", {"fileSet": {"@id": "tables"}})
        each = [
            self._records(PurePosixPath(name).stem, {"fileObject": {"@id": name}}) for name in data
        ]
        return ImageDescription([tables], [together, *each])

    def _records(self, set_name: str, of: Mapping[str, Any]) -> Node:
        return _records(set_name, of, own_columns(self.options))


class ParquetWriter:
    """A Parquet file; one row group, which a viewer reads at once, is in memory."""

    def __init__(self, path: Path, columns: pa.Schema) -> None:
        self._schema = columns
        self._writer = pq.ParquetWriter(
            path,
            self._schema,
            compression={column: _compression(column) for column in _columns(self._schema)},
            use_dictionary=["class", "source", "licence", "licence_url", "format"],
            write_statistics=[*NUMBERS, "label"],
        )
        self._rows: list[dict[str, Any]] = []
        self._size = 0

    def append(self, sample: Sample) -> None:
        image = {"bytes": sample.picture.data, "path": sample.file_name}
        said = sample.entry.get("embedded") or {}
        own = {f"embedded_{name}": value for name, value in said.items()}
        self._rows.append({"image": image, **metadata(sample), **own})
        self._size += len(sample.picture.data)
        if len(self._rows) == GROUP_IMAGES or self._size >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        if self._rows:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
        self._rows, self._size = [], 0


def own_columns(options: ExportOptions) -> Mapping[str, str]:
    """Columns of what files say about themselves, by type; none where that is stripped."""
    return {} if options.is_stripped else EMBEDDED


def schema(classes: Sequence[str], options: ExportOptions) -> pa.Schema:
    own = own_columns(options)
    features: dict[str, Any] = {
        "image": {"_type": "Image"},
        "label": {"names": list(classes), "_type": "ClassLabel"},
    }
    features |= {name: {"dtype": "string", "_type": "Value"} for name in TEXTS}
    features |= {name: {"dtype": "int64", "_type": "Value"} for name in NUMBERS}
    features["captions"] = {
        "feature": {"dtype": "string", "_type": "Value"},
        "_type": "Sequence",
    }
    features |= {name: {"dtype": kind, "_type": "Value"} for name, kind in own.items()}
    return pa.schema(
        [
            ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            ("label", pa.int64()),
            *((name, pa.string()) for name in TEXTS),
            *((name, pa.int64()) for name in NUMBERS),
            ("captions", pa.list_(pa.string())),
            *((name, pa.type_for_alias(kind)) for name, kind in own.items()),
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


def _columns(fields: pa.Schema) -> list[str]:
    nested = {"image": ["image.bytes", "image.path"], "captions": ["captions.list.element"]}
    return [path for name in fields.names for path in nested.get(name, [name])]


def _compression(column: str) -> str:
    return "NONE" if column == "image.bytes" else "ZSTD"


def _records(set_name: str, of: Mapping[str, Any], own: Mapping[str, str]) -> Node:
    def column(name: str, kind: str, **more: Any) -> Node:
        source = {**of, "extract": {"column": name}, **more}
        return terms.field(f"{set_name}/{name}", kind, source)

    fields = [
        column("image", "sc:ImageObject", transform={"jsonPath": "bytes"}),
        column("label", "sc:Integer"),
        *(column(name, "sc:Text") for name in ("file_name", "class", "sha256")),
    ]
    for name in ("url", "landing_url", "creator", "licence"):
        same, what = terms.PROVENANCE[name]
        told = {"equivalentProperty": same, "description": {"en": what}}
        fields.append(column(name, "sc:Text") | told)
    for name, kind in own.items():
        fields.append(column(name, "sc:Text" if kind == "string" else "sc:Float"))
    return terms.record_set(set_name, fields)
