"""The interface of export formats, and the samples that they write."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from crawlset import licences
from crawlset.exports import missing
from crawlset.exports.croissant_terms import ImageDescription
from crawlset.exports.names import extension
from crawlset.exports.options import ExportOptions
from crawlset.exports.summary import Summary
from crawlset.wire.exports import ExportPlan, Shard


@dataclass(frozen=True, slots=True)
class ExportedPicture:
    data: bytes
    format: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of an export."""

    key: str
    split: str
    label: int
    class_name: str
    file_name: str
    """Name in the file of data."""
    picture: ExportedPicture
    entry: dict[str, Any]
    """Line of the manifest."""


Contents = Sequence[tuple[str, str]]
"""Names of files and what is in them."""


class SampleWriter(Protocol):
    """Writes a file of data, sample by sample; one is in memory."""

    def append(self, sample: Sample) -> None: ...
    def close(self) -> None: ...


class SideFiles(Protocol):
    """Writes a format's own side files from the manifest's lines of exported images."""

    @property
    def names(self) -> Sequence[str]: ...
    def add(self, entry: Mapping[str, Any]) -> None: ...
    def close(self) -> None: ...


class ExportFormat(ABC):
    """
    One format, with what an export's options and plan make of it.

    A new format is a subclass in a file of its own and a line in `FORMATS`.
    """

    name: ClassVar[str]
    data_names: ClassVar[str]
    """Pattern of the names of files of data: `split`, `number` of `n`, `archive`."""
    has_data_files: ClassVar[bool] = True
    """Whether pictures are written, a file for each shard; otherwise they are only listed."""
    is_read_by_hub: ClassVar[bool] = False
    """Whether the Hub's viewer reads the files of data as they are."""
    loaded_by: ClassVar[str | None] = None
    """The call by which `datasets` loads the export, for the card."""
    loader_note: ClassVar[str] = ""
    """Sentence of the card on what the loaders do not do."""
    checksums_are: ClassVar[str] = "for `sha256sum --check`"
    """Text of the card on SHA256SUMS."""

    def __init__(self, options: ExportOptions, plan: ExportPlan) -> None:
        self.options = options
        self.plan = plan

    @property
    @abstractmethod
    def contents(self) -> Contents:
        """Files of data and others that only this format has, for the card."""

    @abstractmethod
    def open_writer(self, path: Path) -> SampleWriter:
        """Open a file of data for writing."""

    @abstractmethod
    def read(self, path: Path) -> Iterator[tuple[str, bytes]]:
        """Name and bytes of each picture in a file of data. Raises `ValueError`."""

    def data_name(self, shard: Shard) -> str:
        """Name of the file that has the images of `shard`."""
        return self.data_names.format(
            split=self.split_name(shard.split),
            number=shard.number,
            n=self.plan.n_shards(shard.split),
            archive=self.options.archive,
        )

    def split_name(self, split: str) -> str:
        """Name that the format's loaders have for `split`."""
        return split

    def file_name(self, split: str, class_name: str, key: str, image_format: str) -> str:  # noqa: ARG002, for those with folders
        """Name of an image in its file of data."""
        return f"{key}.{extension(image_format)}"

    def open_side_files(self, directory: Path) -> SideFiles | None:
        """Open the side files that only this format has, if any."""
        del directory
        return None

    @property
    def wanted_splits(self) -> list[str]:
        """Splits that are to have images, as the format's loaders call them."""
        return list(map(self.split_name, self.options.splits.wanted))

    def hub_files(self, summary: Summary) -> str | list[dict[str, str]]:
        """
        Files where the Hub's viewer and `load_dataset` find the images; empty if they cannot.

        Of a split that has none nothing is said: it would fail the loading of all.
        """
        splits = self.plan.splits if self.is_read_by_hub else ()
        return [
            {"split": name, "path": f"data/{name}-*"} for name in splits if name in summary.splits
        ]

    @property
    def hub_options(self) -> Mapping[str, Any]:
        """Parameters of the loader that finds `hub_files`, for the card."""
        return {}

    def warnings(self, summary: Summary) -> Iterator[str]:
        """Sentences on what nobody would expect of the export or of what loaders make of it."""
        if not summary.n_exported:
            yield "The export is empty: no image was chosen, or none could be exported."
            return
        for split in self.wanted_splits:
            if split not in summary.splits:
                yield f"The split {split} is without an image."

    def refuse_missing_classes(self, summary: Summary) -> None:
        """Raise `ClassMissingError` if loaders find no image of some class in a split."""
        missing.refuse(summary.classes, self.plan.classes, self.wanted_splits)

    def describe_images(self, data: Sequence[str]) -> ImageDescription:
        """Describe to Croissant how images are read from the files of data named `data`."""
        del data
        return ImageDescription()


def columns_of(entry: Mapping[str, Any]) -> str | None:
    """
    JSON of the other columns of a list.

    One text, as no two rows of a list need to have the same: loaders take the fields of a set
    from its first samples.
    """
    columns = entry.get("columns")
    return json.dumps(columns, separators=(",", ":")) if columns else None


def captions_of(entry: Mapping[str, Any]) -> list[str]:
    """The captions of all rows of a list; an empty text if there is none: no list gives no type."""
    said = [entry["title"], *(row["caption"] for row in entry.get("rows", ()))]
    return list(dict.fromkeys(filter(None, said))) or [""]


def measures_of(entry: Mapping[str, Any]) -> str | None:
    """JSON of what measurers measured, as one text for the reason that `columns_of` has."""
    measures = entry.get("measures")
    return json.dumps(measures, separators=(",", ":")) if measures else None


def rows_of(entry: Mapping[str, Any]) -> str | None:
    """JSON of the further rows that a list has for the picture."""
    rows = entry.get("rows")
    return json.dumps(rows, separators=(",", ":")) if rows else None


def metadata(sample: Sample) -> dict[str, Any]:
    """
    Metadata that a loader gives along with a picture, always of the same fields and types.

    A text that is not known is empty: loaders take the type of a field from its first values.
    """
    entry = sample.entry
    texts = {
        "file_name": sample.file_name,
        "class": sample.class_name,
        "url": entry["url"],
        "landing_url": entry["landing_url"],
        "source": entry["source"],
        "query": entry["query"],
        "keyword": entry["keyword"],
        "licence": entry["licence"],
        "licence_url": licences.address(entry["licence"] or ""),
        "creator": entry["creator"],
        "title": entry["title"],
        "attribution": entry["attribution"],
        "columns": columns_of(entry),
        "rows": rows_of(entry),
        "measures": measures_of(entry),
        "sha256": entry["sha256"],
        "format": sample.picture.format,
    }
    numbers = {
        "image_id": entry["image_id"],
        "label": sample.label,
        "width": sample.picture.width,
        "height": sample.picture.height,
    }
    return {
        **{name: text or "" for name, text in texts.items()},
        **numbers,
        "captions": captions_of(entry),
    }
