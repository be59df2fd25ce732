"""Formats whose files of data are archives of image files, made to be unpacked into one folder."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from crawlset.exports import missing
from crawlset.exports.croissant_terms import ImageDescription, file_field, in_archives
from crawlset.exports.folders import MAX_BYTES, folder_name, is_cut
from crawlset.exports.formats import archives
from crawlset.exports.formats.archives import TarWriter, ZipWriter
from crawlset.exports.formats.base import Contents, ExportFormat, Sample, SideFiles
from crawlset.exports.formats.readers import DATASETS, TORCHVISION, ULTRALYTICS, Reader
from crawlset.exports.options import MissingClasses
from crawlset.exports.summary import Summary

_SPLIT = r"^(?:.*/)?(train|validation|val|test)/.*$"
_CLASS = r"^.*/([^/]+)/[^/]+$"
_PLACEHOLDER = ".gitkeep"
"""Empty file by which a folder without images survives archives, Git and the Hub."""

_LABELLED = "load_dataset('imagefolder', data_dir='.', drop_labels=False)"
_UNLABELLED = (
    "So does `load_dataset('.')`, by the head of this card. Left out, `drop_labels` makes the"
    " loader guess: one class alone is no label to it."
)


class TreeFormat(ExportFormat):
    """A folder for each split, and in it one for each class or none."""

    data_names = "data/{split}-{number:05d}.{archive}"
    checksums_are = (
        "for `sha256sum --check`: of the archives, or of what `crawlset export` unpacked"
    )
    has_class_folders = True
    readers: ClassVar[Sequence[Reader]] = (DATASETS,)

    @property
    def contents(self) -> Contents:
        layout = "split/class/image" if self.has_class_folders else "split/image"
        return ((f"data/*.{self.options.archive}", f"unpack all into one folder: `{layout}`"),)

    @property
    def hub_options(self) -> Mapping[str, Any]:
        """Labels if there are folders of classes; by itself the loader guesses from how many."""
        return {"drop_labels": not self.has_class_folders}

    def hub_files(self, summary: Summary) -> list[dict[str, str]]:
        """
        Folders of the splits: once the archives are unpacked, and only then.

        Without those in which `datasets` would find no image, and fail.
        """
        found = DATASETS.splits(summary)
        splits = ((split, self.split_name(split)) for split in self.plan.splits)
        return [{"split": split, "path": f"{name}/**"} for split, name in splits if name in found]

    def file_name(self, split: str, class_name: str, key: str, image_format: str) -> str:
        name = super().file_name(split, class_name, key, image_format)
        folder = f"{folder_name(class_name)}/" if self.has_class_folders else ""
        return f"{self.split_name(split)}/{folder}{name}"

    def open_writer(self, path: Path) -> "TreeWriter":
        return TreeWriter(archives.open_archive(path, self.options.archive))

    def read(self, path: Path) -> Iterator[tuple[str, bytes]]:
        return archives.members_of(path, self.options.archive)

    def open_side_files(self, directory: Path) -> SideFiles | None:
        if self.has_class_folders and self.options.missing_classes is MissingClasses.folder:
            return MissingFolders(directory, self)
        return None

    def describe_images(self, data: Sequence[str]) -> ImageDescription:
        fields = [file_field("split", "sc:Text", "fullpath", _SPLIT)]
        if self.has_class_folders:
            is_class = all(folder_name(name) == name for name in self.plan.classes)
            name = "class" if is_class else "folder"
            fields.append(file_field(name, "sc:Text", "fullpath", _CLASS))
        return in_archives(data, fields)

    def warnings(self, summary: Summary) -> Iterator[str]:
        yield from super().warnings(summary)
        if self.has_class_folders:
            yield from self._warn_of_folders()
            yield from self._warn_of_missing(summary)
        for reader in self.readers:
            yield from reader.warn_of_formats(summary)
            if self.has_class_folders:
                yield from reader.warn_of_classes(summary, self.plan.classes)

    def refuse_missing_classes(self, summary: Summary) -> None:
        super().refuse_missing_classes(summary)
        for reader in self.readers if self.has_class_folders else ():
            found = reader.found(summary)
            missing.refuse(found, self.plan.classes, self.wanted_splits, found_by=reader.name)

    def _warn_of_folders(self) -> Iterator[str]:
        renamed = [name for name in self.plan.classes if folder_name(name) != name]
        cut = [name for name in renamed if is_cut(name)]
        misread = [
            f"{missing.shortened(name)} in {missing.shortened(folder_name(name))}"
            for name in renamed
            if not is_cut(name)
        ]
        if misread:
            yield (
                "Folders have another name than their class where datasets would find a split or a"
                f" variable in it: {missing.listed(misread)}."
            )
        if cut:
            yield (
                f"Folders have the beginning of their class's name, whole in classes.txt, where it"
                f" is longer than {MAX_BYTES} bytes: {missing.named(cut)}."
            )

    def _warn_of_missing(self, summary: Summary) -> Iterator[str]:
        classes = self.plan.classes
        has_folders = self.options.missing_classes is MissingClasses.folder
        for split, names in missing.find(summary.classes, classes).items():
            what_loaders_do = (
                "the folder is empty, for which torchvision wants allow_empty=True"
                if has_folders
                else "torchvision and Ultralytics number the folders that they find, so that labels"
                " are not those of classes.txt; the option missing_classes makes empty folders"
            )
            yield (
                f"{split} lacks {len(names):,} of {len(classes):,} classes ({what_loaders_do}):"
                f" {missing.named(names)}."
            )


class ImageFolder(TreeFormat):
    """Folders as `datasets` and torchvision read them."""

    name = "imagefolder"
    loaded_by = _LABELLED
    loader_note = _UNLABELLED
    readers = (DATASETS, TORCHVISION)


class Yolo(TreeFormat):
    """Folders as Ultralytics' classifiers read them, where `validation` is called `val`."""

    name = "yolo"
    loaded_by = _LABELLED
    loader_note = _UNLABELLED
    readers = (DATASETS, ULTRALYTICS)

    def split_name(self, split: str) -> str:
        return "val" if split == "validation" else split


class TreeWriter:
    def __init__(self, archive: ZipWriter | TarWriter) -> None:
        self._archive = archive

    def append(self, sample: Sample) -> None:
        self._archive.append(sample.file_name, sample.picture.data)

    def close(self) -> None:
        self._archive.close()


class MissingFolders:
    """An archive of empty folders: of each class that a split lacks."""

    def __init__(self, directory: Path, tree: TreeFormat) -> None:
        self.names: list[str] = []
        self._directory = directory
        self._classes = tree.plan.classes
        self._splits = tree.wanted_splits
        self._archive = tree.options.archive
        self._present: set[tuple[str, str]] = set()

    def add(self, entry: Mapping[str, Any]) -> None:
        self._present.add((entry["split"], entry["class"]))

    def close(self) -> None:
        found = missing.find(self._present, self._classes, self._splits)
        if not found:
            return
        name = f"data/missing-classes.{self._archive}"
        path = self._directory / name
        path.parent.mkdir(exist_ok=True)
        archive = archives.open_archive(path, self._archive)
        for split, classes in found.items():
            for class_name in classes:
                archive.append(f"{split}/{folder_name(class_name)}/{_PLACEHOLDER}", b"")
        archive.close()
        self.names.append(name)
