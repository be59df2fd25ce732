"""
Classes of which a loader finds no image, as it passes over all files of their format.

`datasets` numbers the folders of files that it takes for images, of all splits together:
https://github.com/huggingface/datasets/blob/5.2.0/src/datasets/packaged_modules/folder_based_builder/folder_based_builder.py.
torchvision numbers the folders in each split, and raises for one without a file that it takes.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from datasets.packaged_modules.imagefolder.imagefolder import ImageFolder
from sqlalchemy.orm import Session

from crawlset.exports.formats import readers
from crawlset.exports.missing import ClassMissingError
from crawlset.models import CrawlJob
from crawlset.resizing import EXTENSIONS
from tests import factories
from tests.integration.exports.formats.downloads import sha256
from tests.integration.exports.loaders import torch_loaders
from tests.integration.exports.loaders.exported import SHARES, Exported, Rows, store_classes
from tests.integration.exports.steps import Store, export

pytestmark = [
    pytest.mark.usefixtures("bucket"),
    pytest.mark.role("crawlset_worker"),
    pytest.mark.filterwarnings("ignore"),
]


def store_ants(store: Store, image_format: str) -> None:
    """The first class has pictures of `image_format` only; it is in every split, as others are."""
    store_classes(store, "ant", image_format=image_format)
    store_classes(store, "bee", "cat")


def rows_without(made: Exported, split: str, class_name: str) -> Rows:
    label = made.classes.index(class_name)
    rows = made.rows(split).items()
    return Counter({row: n for row, n in rows if row[1] != label})


def rows_of_torchvision(folder: Path) -> Rows:
    found = torch_loaders.samples(folder, allow_empty=True)
    return Counter((sha256(path.read_bytes()), label) for path, label in found)


class TestReaders:
    @pytest.mark.parametrize("extension", EXTENSIONS.values())
    def test_find_what_the_loaders_find(self, extension: str) -> None:

        found = {
            reader.name: extension in reader.extensions
            for reader in (readers.DATASETS, readers.TORCHVISION, readers.ULTRALYTICS)
        }

        by_torchvision = torch_loaders.torchvision.is_image_file(f"1.{extension}")
        assert found == {
            "datasets": f".{extension}" in ImageFolder.EXTENSIONS,
            "torchvision": by_torchvision,
            "Ultralytics": by_torchvision,
        }


class TestUnreadClass:
    @pytest.mark.parametrize("format_", ["imagefolder", "yolo"])
    def test_shifts_the_labels_of_datasets_and_is_told(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path, load: Any, format_: str
    ) -> None:
        store_ants(store, "avif")

        made = Exported(session, job, tmp_path, format_)

        told = "numbers classes otherwise than classes.txt, as it finds no image of some: ant."
        assert f"datasets {told}" in made.job.warnings
        assert told in made.card
        assert made.classes == ["ant", "bee", "cat"]
        assert load(str(made.folder))["train"].features["label"].names == ["bee", "cat"]

    @pytest.mark.parametrize("choice", ["tell", "folder"])
    @pytest.mark.parametrize("image_format", ["avif", "gif", "ico"])
    def test_makes_torchvision_fail_and_is_told(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path,
        image_format: str, choice: str,
    ) -> None:  # fmt: skip
        store_ants(store, image_format)

        made = Exported(session, job, tmp_path, "imagefolder", missing_classes=choice)

        for split in ("train", "validation", "test"):
            assert (
                f"torchvision finds no image of 1 of 3 classes in {split} and fails, unless"
                " allow_empty=True: ant."
            ) in made.job.warnings
            with pytest.raises(FileNotFoundError, match="no valid file for the classes ant"):
                torch_loaders.samples(made.folder / split)
            found = rows_of_torchvision(made.folder / split)
            assert found == rows_without(made, split, "ant")

    def test_is_passed_over_by_ultralytics_and_is_told(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path
    ) -> None:
        store_ants(store, "gif")

        made = Exported(session, job, tmp_path, "yolo")

        assert (
            "Ultralytics finds no image of 1 of 3 classes in val and goes on without them: ant."
        ) in made.job.warnings
        names, _ = torch_loaders.check_classes(made.folder)
        assert list(names.values()) == made.classes
        assert rows_of_torchvision(made.folder / "val") == rows_without(made, "val", "ant")

    def test_of_one_split_is_told_of_that_alone(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path, load: Any
    ) -> None:
        store_classes(store, "ant", n=2)
        store_classes(store, "ant", n=1, image_format="avif")
        store_classes(store, "bee", n=3)

        made = Exported(session, job, tmp_path, "imagefolder")

        (unread,) = {line["split"] for line in made.lines if line["exported_format"] == "avif"}
        (told,) = [line for line in made.job.warnings if "passes over" not in line]
        assert told.startswith(f"torchvision finds no image of 1 of 2 classes in {unread} and")
        assert load(str(made.folder))[unread].features["label"].names == made.classes

    @pytest.mark.parametrize(
        ("format_", "image_format", "reader"),
        [
            ("imagefolder", "avif", "datasets"),
            ("imagefolder", "gif", "torchvision"),
            ("yolo", "gif", "Ultralytics"),
        ],
    )
    def test_fails_the_export_if_asked_to(
        self, session: Session, job: CrawlJob, store: Store,
        format_: str, image_format: str, reader: str,
    ) -> None:  # fmt: skip
        store_ants(store, image_format)
        options = SHARES | {"missing_classes": "fail"}
        export_job = factories.create_export_job(
            session, job, format=format_, export_options=options
        )

        with pytest.raises(ClassMissingError, match=f"has no image of ant that {reader} finds"):
            export(export_job)

    @pytest.mark.parametrize(
        ("format_", "more"),
        [("imagefolder", {"encode": {"format": "png"}}), ("coco", {}), ("parquet", {})],
    )
    def test_fails_no_export_whose_loaders_find_it(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path,
        format_: str, more: dict[str, Any],
    ) -> None:  # fmt: skip
        store_ants(store, "avif")

        made = Exported(session, job, tmp_path, format_, missing_classes="fail", **more)

        assert made.job.n_images == 15
