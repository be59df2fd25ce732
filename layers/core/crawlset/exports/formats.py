"""The formats of exports: what their files are called, how they are written and read back."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crawlset.exports import archives, webdataset
from crawlset.exports.archives import TarWriter, ZipWriter
from crawlset.exports.names import extension
from crawlset.exports.options import ExportFormat, ExportOptions
from crawlset.exports.plan import Plan, Shard
from crawlset.exports.samples import Sample, Writer

TREES = frozenset({ExportFormat.imagefolder, ExportFormat.coco, ExportFormat.yolo})
"""Their files of data are archives of image files, made to be unpacked."""
LISTS = frozenset({ExportFormat.csv, ExportFormat.json, ExportFormat.jsonl})
"""They list images, and hold none."""
_YOLO_SPLITS = {"validation": "val"}


@dataclass(frozen=True, slots=True)
class Format:
    """A format with what an export's plan and options make of it."""

    kind: ExportFormat
    options: ExportOptions
    plan: Plan

    @property
    def has_files(self) -> bool:
        return self.kind not in LISTS

    @property
    def list_name(self) -> str:
        """The file that lists all images, in a format that does."""
        return f"images.{self.kind}"

    def split_name(self, split: str) -> str:
        """As the format's loaders call it."""
        return _YOLO_SPLITS.get(split, split) if self.kind is ExportFormat.yolo else split

    def data_name(self, shard: Shard) -> str:
        split, n = self.split_name(shard.split), self.plan.n_shards(shard.split)
        match self.kind:
            case ExportFormat.webdataset:
                return f"data/{split}-{shard.number:06d}.tar"
            case ExportFormat.parquet:
                return f"data/{split}-{shard.number:05d}-of-{n:05d}.parquet"
            case ExportFormat.tfrecord:
                return f"data/{split}.tfrecord-{shard.number:05d}-of-{n:05d}"
            case _ if self.kind in LISTS:
                return self.list_name
            case _:
                return f"data/{split}-{shard.number:05d}.{self.options.archive}"

    def file_name(self, split: str, class_name: str, key: str, image_format: str) -> str:
        """An image's name in its file of data."""
        match self.kind:
            case ExportFormat.imagefolder | ExportFormat.yolo:
                folder = f"{self.split_name(split)}/{class_name}/"
            case ExportFormat.coco:
                folder = f"{split}/"
            case ExportFormat.webdataset:
                return f"{key}.{self.common_extension}"
            case _:
                folder = ""
        return f"{folder}{key}.{extension(image_format)}"

    @property
    def common_extension(self) -> str:
        transform = self.options.transform
        formats = self.plan.formats if transform is None else [transform.format]
        return webdataset.common_extension(formats)

    def open_writer(self, path: Path) -> Writer:
        match self.kind:
            case ExportFormat.webdataset:
                return webdataset.WebDatasetWriter(path)
            case ExportFormat.parquet:
                from crawlset.exports.parquet import ParquetWriter  # noqa: PLC0415, slow to import

                return ParquetWriter(path, self.plan.classes)
            case ExportFormat.tfrecord:
                from crawlset.exports.tfrecord import TFRecordWriter  # noqa: PLC0415

                return TFRecordWriter(path)
            case _:
                return _TreeWriter(archives.open_archive(path, self.options.archive))

    def pictures_of(self, path: Path) -> Iterator[tuple[str, bytes]]:
        """Name and bytes of each picture in a file of data. Raises `ValueError`."""
        match self.kind:
            case ExportFormat.webdataset:
                return webdataset.pictures_of(path)
            case ExportFormat.parquet:
                from crawlset.exports import parquet  # noqa: PLC0415

                return parquet.pictures_of(path)
            case ExportFormat.tfrecord:
                from crawlset.exports import tfrecord  # noqa: PLC0415

                return tfrecord.pictures_of(path)
            case _:
                return archives.members_of(path, self.options.archive)


class _TreeWriter:
    def __init__(self, archive: ZipWriter | TarWriter) -> None:
        self._archive = archive

    def append(self, sample: Sample) -> None:
        self._archive.append(sample.file_name, sample.picture.data)

    def close(self) -> None:
        self._archive.close()
