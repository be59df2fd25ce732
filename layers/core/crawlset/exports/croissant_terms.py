"""Terms of Croissant: file sets, record sets, fields, and what columns are called elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crawlset.resizing import EXTENSIONS

PROVENANCE = {
    "url": ("prov:wasDerivedFrom", "The address of the picture."),
    "landing_url": ("prov:hadPrimarySource", "The page that shows it."),
    "creator": ("prov:wasAttributedTo", "Who made it, as the source says."),
    "source": ("prov:wasGeneratedBy", "The source whose search found it."),
    "downloaded_at": ("prov:generatedAtTime", "When it was fetched."),
    "licence": ("sc:license", "Its licence, as an SPDX-like id."),
    "outcome": (None, "What became of the candidate."),
    "sha256": ("sc:sha256", "Of the bytes stored."),
    "class": (None, "Its class in this export; none if it is not in it."),
    "split": (None, "Its split in this export."),
    "data_file": (None, "The file of this export that holds it."),
    "file_name": (None, "Its name there."),
}
"""Columns of the manifest, each with the property it is equal to, and what it says."""
ENCODINGS = {
    ".zip": "application/zip",
    ".tar": "application/x-tar",
    ".gz": "application/x-tar",
    ".parquet": "application/x-parquet",
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
    ".md": "text/markdown",
    ".txt": "text/plain",
}

Node = dict[str, Any]
"""A node of the JSON-LD document."""


@dataclass(frozen=True, slots=True)
class ImageDescription:
    """Description of an export's images to Croissant: file sets, and how records are read."""

    file_sets: Sequence[Node] = ()
    record_sets: Sequence[Node] = ()


def in_archives(data: Sequence[str], fields: Iterable[Node] = ()) -> ImageDescription:
    """Describe image files in the archives `data`; `fields` are what else is read of each."""
    if not data:
        return ImageDescription()
    pictures = {
        "@type": "cr:FileSet",
        "@id": "pictures",
        "name": {"en": "pictures"},
        "containedIn": [{"@id": name} for name in data],
        "encodingFormat": "image/*",
        "includes": [f"*.{suffix}" for suffix in EXTENSIONS.values()],
    }
    own = (
        file_field("image", "sc:ImageObject", "content"),
        file_field("file_name", "sc:Text", "filename"),
    )
    return ImageDescription([pictures], [record_set("images", [*own, *fields])])


def file_field(name: str, kind: str, what: str, regex: str | None = None) -> Node:
    """A field of `images` that is a property of its file, or what `regex` finds in it."""
    source: Node = {"fileSet": {"@id": "pictures"}, "extract": {"fileProperty": what}}
    if regex is not None:
        source["transform"] = {"regex": regex}
    return field(f"images/{name}", kind, source)


def record_set(name: str, fields: list[Node]) -> Node:
    return {"@type": "cr:RecordSet", "@id": name, "name": {"en": name}, "field": fields}


def column(id_: str, file: str, name: str, description: str | None = None) -> Node:
    """A field that is the column `name` of a table in `file`."""
    source = {"fileObject": {"@id": file}, "extract": {"column": name}}
    told = {"description": {"en": description}} if description else {}
    return field(id_, "sc:Text", source) | told


def field(id_: str, kind: str, source: Mapping[str, Any]) -> Node:
    name = id_.rpartition("/")[2]
    return {
        "@type": "cr:Field",
        "@id": id_,
        "name": {"en": name},
        "dataType": kind,
        "source": dict(source),
    }
