"""Usual loaders of folders of images: which files they find, and what they make of the rest."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crawlset.exports import missing
from crawlset.exports.names import extension
from crawlset.exports.summary import Summary


@dataclass(frozen=True, slots=True)
class Reader:
    """A loader that passes over files by their extension, without a word."""

    name: str
    extensions: frozenset[str]
    """Extensions of the files that it finds, of those that exports have."""
    on_empty_folder: str | None
    """
    Words on a folder of a class in which it finds no file.

    None if it knows classes by their files, whatever split they are in, and not by folders.
    """

    def found(self, summary: Summary) -> set[tuple[str, str]]:
        """Pairs of a split and a class of which it finds an image."""
        return {
            (split, class_name)
            for split, class_name, image_format in summary.images
            if self._finds(image_format)
        }

    def splits(self, summary: Summary) -> set[str]:
        """Splits in which it finds an image."""
        return {split for split, _ in self.found(summary)}

    def warn_of_formats(self, summary: Summary) -> Iterator[str]:
        unread = Counter[str]()
        for (_, _, image_format), n in summary.images.items():
            if not self._finds(image_format):
                unread[image_format] += n
        if unread:
            counts = ", ".join(f"{n:,} {name}" for name, n in sorted(unread.items()))
            empty = sorted(summary.splits - self.splits(summary))
            yield (
                f"{self.name} passes over files of some formats without a word ({counts})"
                + (f", and finds nothing in {' and '.join(empty)}" if empty else "")
                + "; the option encode makes JPEG, PNG or WebP of all."
            )

    def warn_of_classes(self, summary: Summary, classes: Sequence[str]) -> Iterator[str]:
        """Sentences on classes of which it finds no image, and so on their labels."""
        found = self.found(summary)
        if self.on_empty_folder is None:
            known = {class_name for _, class_name in found}
            if known and (unknown := [name for name in classes if name not in known]):
                yield (
                    f"{self.name} numbers classes otherwise than classes.txt, as it finds no image"
                    f" of some: {missing.named(unknown)}."
                )
            return
        for split in sorted(self.splits(summary)):
            here = {name for place, name in summary.classes if place == split}
            empty = sorted(name for name in here if (split, name) not in found)
            if empty:
                yield (
                    f"{self.name} finds no image of {len(empty):,} of {len(classes):,} classes in"
                    f" {split} and {self.on_empty_folder}: {missing.named(empty)}."
                )

    def _finds(self, image_format: str) -> bool:
        return extension(image_format) in self.extensions


TORCHVISION = Reader(
    "torchvision",
    frozenset({"jpg", "jpeg", "png", "ppm", "bmp", "pgm", "tif", "tiff", "webp"}),
    "fails, unless allow_empty=True",
)
ULTRALYTICS = Reader("Ultralytics", TORCHVISION.extensions, "goes on without them")
DATASETS = Reader("datasets", TORCHVISION.extensions | {"gif", "ico", "jp2"}, None)
