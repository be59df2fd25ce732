"""Formats whose files of data are archives of image files, made to be unpacked into one folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from crawlset.exports.croissant_terms import ImageDescription, file_field, in_archives
from crawlset.exports.formats import archives
from crawlset.exports.formats.archives import TarWriter, ZipWriter
from crawlset.exports.formats.base import Contents, ExportFormat, Sample

_SPLIT = r"^(?:.*/)?(train|validation|val|test)/.*$"
_CLASS = r"^.*/([^/]+)/[^/]+$"


class TreeFormat(ExportFormat):
    """A folder for each split, and in it one for each class or none."""

    data_names = "data/{split}-{number:05d}.{archive}"
    checksums_are = (
        "for `sha256sum --check`: of the archives, or of what `crawlset export` unpacked"
    )
    has_class_folders = True

    @property
    def contents(self) -> Contents:
        layout = "split/class/image" if self.has_class_folders else "split/image"
        return ((f"data/*.{self.options.archive}", f"unpack all into one folder: `{layout}`"),)

    def file_name(self, split: str, class_name: str, key: str, image_format: str) -> str:
        name = super().file_name(split, class_name, key, image_format)
        folder = f"{class_name}/" if self.has_class_folders else ""
        return f"{self.split_name(split)}/{folder}{name}"

    def open_writer(self, path: Path) -> "TreeWriter":
        return TreeWriter(archives.open_archive(path, self.options.archive))

    def read(self, path: Path) -> Iterator[tuple[str, bytes]]:
        return archives.members_of(path, self.options.archive)

    def describe_images(self, data: Sequence[str]) -> ImageDescription:
        fields = [file_field("split", "sc:Text", "fullpath", _SPLIT)]
        if self.has_class_folders:
            fields.append(file_field("class", "sc:Text", "fullpath", _CLASS))
        return in_archives(data, fields)


class ImageFolder(TreeFormat):
    """Folders as `datasets` and torchvision read them."""

    name = "imagefolder"
    loaded_by = "load_dataset('imagefolder', data_dir='.')"


class Yolo(TreeFormat):
    """Folders as Ultralytics' classifiers read them, where `validation` is called `val`."""

    name = "yolo"

    def split_name(self, split: str) -> str:
        return "val" if split == "validation" else split


class TreeWriter:
    def __init__(self, archive: ZipWriter | TarWriter) -> None:
        self._archive = archive

    def append(self, sample: Sample) -> None:
        self._archive.append(sample.file_name, sample.picture.data)

    def close(self) -> None:
        self._archive.close()
