"""COCO: trees without classes, and annotations: images with their licences, classes, boxes."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain, repeat
from pathlib import Path
from typing import IO, Any

from crawlset import licences
from crawlset.exports.formats.base import Contents
from crawlset.exports.formats.trees import TreeFormat
from crawlset.exports.options import Boxes


class Coco(TreeFormat):
    """A folder for each split, with a file of annotations."""

    name = "coco"
    has_class_folders = False
    loaded_by = "load_dataset('.')"
    loader_note = (
        "These are the pictures; classes and boxes are in `annotations`."
        " `load_dataset('imagefolder', data_dir='.')` does not read this card: it wants"
        " `drop_labels=True`, or takes the splits for classes."
    )

    @property
    def contents(self) -> Contents:
        annotations = "annotations/instances_*.json", "COCO, with each image's licence"
        return *super().contents, annotations

    def open_side_files(self, directory: Path) -> "CocoAnnotations":
        plan = self.plan
        return CocoAnnotations(directory, plan.splits, plan.classes, self.options.boxes)


def annotations_name(split: str) -> str:
    return f"annotations/instances_{split}.json"


class CocoAnnotations:
    """Annotation files: `images` as they come, `annotations` beside and joined in the end."""

    def __init__(
        self, directory: Path, splits: Sequence[str], classes: Sequence[str], boxes: Boxes
    ) -> None:
        self._open = ExitStack()
        self._boxes = boxes
        self._categories = [
            {"id": at, "name": name, "supercategory": ""} for at, name in enumerate(classes, 1)
        ]
        self._licences: dict[str, int] = {}
        self._files = {split: self._begin(directory / annotations_name(split)) for split in splits}
        self._writers = {
            split: (_elements(out), _elements(beside))
            for split, (out, beside) in self._files.items()
        }

    @property
    def names(self) -> list[str]:
        return [annotations_name(split) for split in self._files]

    def add(self, entry: Mapping[str, Any]) -> None:
        write_image, write_annotation = self._writers[entry["split"]]
        width, height = entry["exported_width"], entry["exported_height"]
        image = {
            "id": entry["image_id"],
            "width": width,
            "height": height,
            "file_name": Path(entry["file_name"]).name,
            "license": self._licences.setdefault(
                entry["licence"] or "unknown", len(self._licences) + 1
            ),
            "coco_url": entry["url"],
            "flickr_url": entry["landing_url"] or "",
            "date_captured": entry["downloaded_at"] or "",
        }
        write_image(image)
        if self._boxes is Boxes.image:
            annotation = {
                "id": entry["image_id"],
                "image_id": entry["image_id"],
                "category_id": entry["label"] + 1,
                "bbox": [0, 0, width, height],
                "area": width * height,
                "iscrowd": 0,
                "segmentation": [],
            }
            write_annotation(annotation)

    def close(self) -> None:
        """Complete the files; licences come last, as they get their numbers on the way."""
        known = [
            {"id": id_, "name": name, "url": licences.address(name) or ""}
            for name, id_ in self._licences.items()
        ]
        for out, annotations in self._files.values():
            out.write('],"annotations":[')
            annotations.seek(0)
            out.writelines(annotations)
            tail = {"categories": self._categories, "licenses": known, "info": {"version": "1.0"}}
            out.write("]," + json.dumps(tail, separators=(",", ":"))[1:])
        self._open.close()

    def _begin(self, path: Path) -> tuple[IO[str], IO[str]]:
        path.parent.mkdir(exist_ok=True)
        out = self._open.enter_context(path.open("w", encoding="ascii"))
        beside = path.with_suffix(".part").open("w+", encoding="ascii")
        out.write('{"images":[')
        return out, self._open.enter_context(beside)


def _elements(out: IO[str]) -> Callable[[Mapping[str, Any]], object]:
    """Writes elements of an array, each on a line of its own."""
    before = chain([""], repeat(",\n"))
    return lambda item: out.write(next(before) + json.dumps(item, separators=(",", ":")))
