"""What an export says in its card and its job of what loaders will not do."""

from pathlib import Path
from typing import Any

import mlcroissant
import pytest
from mlcroissant._src.core import constants
from mlcroissant._src.operation_graph.operations import extract
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob
from tests.integration.exports.loaders import torch_loaders
from tests.integration.exports.loaders.exported import Exported, rows_of, store_classes
from tests.integration.exports.steps import Store

# What the readers of other people warn of is theirs.
pytestmark = [
    pytest.mark.usefixtures("bucket"),
    pytest.mark.role("crawlset_worker"),
    pytest.mark.filterwarnings("ignore"),
]

LONG = "word " * 60


class TestFolders:
    @pytest.mark.parametrize("format_", ["imagefolder", "yolo"])
    def test_of_other_names_are_told_with_the_classes_they_hold(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path, format_: str
    ) -> None:
        store_classes(store, "train", "bullet train", "cat")

        made = Exported(session, job, tmp_path, format_)

        (told,) = made.job.warnings
        assert told.endswith("bullet_train in bullet_train~, train in train~.")
        assert "train in train\\~" in made.card
        assert made.classes == ["bullet_train", "cat", "train"]
        assert {line["class"] for line in made.lines} == set(made.classes)

    def test_of_long_names_are_told_with_the_beginning_of_both(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path
    ) -> None:
        long = [f"train {letter} {'x' * 150}" for letter in "abcde"]
        store_classes(store, *long, n=3)

        made = Exported(session, job, tmp_path, "imagefolder")

        (told,) = made.job.warnings
        starts = [
            f"train_{letter}_{'x' * 52}… in train~_{letter}_{'x' * 51}…" for letter in "abcde"
        ]
        assert told.endswith(f"{', '.join(starts)}.")
        assert f"- {told}" in made.card.replace("\\", "")

    def test_of_shorter_names_are_told_and_the_class_is_whole(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path
    ) -> None:
        store_classes(store, LONG, "y" * 250)

        made = Exported(session, job, tmp_path, "imagefolder")

        (told,) = made.job.warnings
        assert "longer than 255 bytes: word_word" in told
        assert "longer than 255 bytes" in made.card
        assert made.classes == ["_".join(LONG.split()), "y" * 250]
        assert (made.folder / "train" / ("y" * 250)).is_dir()

    @pytest.mark.parametrize("format_", ["coco", "parquet", "webdataset", "tfrecord", "jsonl"])
    def test_are_no_matter_where_there_are_none(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path, format_: str
    ) -> None:
        store_classes(store, "train", LONG)

        made = Exported(session, job, tmp_path, format_)

        assert made.job.warnings == []
        assert made.classes == ["train", "_".join(LONG.split())]

    def test_are_called_folders_in_croissant(
        self,
        session: Session,
        job: CrawlJob,
        store: Store,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(constants, "EXTRACT_PATH", tmp_path / "extracted")
        monkeypatch.setattr(extract, "EXTRACT_PATH", tmp_path / "extracted")
        store_classes(store, "train")
        store_classes(store, "cat", n=1)

        made = Exported(
            session, job, tmp_path, "imagefolder", unpack=False, missing_classes="folder"
        )

        dataset = mlcroissant.Dataset(jsonld=str(made.folder / "croissant.json"))
        assert dataset.metadata.issues.errors == set()
        rows = [
            (row["images/split"].decode(), row["images/folder"].decode())
            for row in dataset.records("images")
        ]
        expected = [
            (line["split"], {"train": "train~", "cat": "cat"}[line["class"]]) for line in made.lines
        ]
        assert sorted(rows) == sorted(expected)


class TestFormats:
    def test_that_torchvision_passes_over_are_counted(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path, load: Any
    ) -> None:
        store_classes(store, "cat", "dog")
        store_classes(store, "bee", image_format="gif")

        made = Exported(session, job, tmp_path, "imagefolder")

        (told,) = [line for line in made.job.warnings if "passes over" in line]
        assert told.startswith("torchvision passes over")
        assert "(5 gif)" in told
        found = torch_loaders.samples(made.folder / "train", allow_empty=True)
        assert len(found) == sum(made.rows("train").values()) - 3
        loaded = load(str(made.folder))
        assert {split: rows_of(rows) for split, rows in loaded.items()} == {
            split: made.rows(split) for split in loaded
        }

    def test_are_all_found_once_encoded(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path
    ) -> None:
        store_classes(store, "cat", "dog", image_format="gif")

        made = Exported(session, job, tmp_path, "yolo", encode={"format": "png"})

        assert made.job.warnings == []
        found = [torch_loaders.samples(made.folder / split) for split in made.splits]
        assert sum(map(len, found)) == 10


class TestCard:
    @pytest.mark.parametrize("format_", ["imagefolder", "yolo", "coco"])
    def test_names_the_folders_of_every_split(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path, format_: str
    ) -> None:
        store_classes(store, "cat", "dog")

        (config,) = Exported(session, job, tmp_path, format_).front_matter["configs"]

        validation = "val" if format_ == "yolo" else "validation"
        assert config == {
            "config_name": "default",
            "drop_labels": format_ == "coco",
            "data_files": [
                {"split": "train", "path": "train/**"},
                {"split": "validation", "path": f"{validation}/**"},
                {"split": "test", "path": "test/**"},
            ],
        }
