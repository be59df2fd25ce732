"""Exports in which a split lacks a class, or that have one class only."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.exports.missing import ClassMissingError
from crawlset.models import CrawlJob
from tests import factories
from tests.integration.exports.formats.downloads import sha256
from tests.integration.exports.loaders import torch_loaders
from tests.integration.exports.loaders.exported import SHARES, Exported, rows_of, store_classes
from tests.integration.exports.steps import Store, export

pytestmark = [
    pytest.mark.usefixtures("bucket"),
    pytest.mark.role("crawlset_worker"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
def few(bucket: None, store: Store) -> None:
    """Two classes that are in every split, and one of a single image before them in the order."""
    store_classes(store, "ant", "bee", n=6)
    store_classes(store, "aardvark", n=1, creator="alone")


@pytest.mark.usefixtures("few")
class TestMissingClasses:
    @pytest.mark.parametrize("format_", ["imagefolder", "yolo"])
    def test_are_told_in_the_card_and_the_job(
        self, session: Session, job: CrawlJob, tmp_path: Path, format_: str
    ) -> None:
        made = Exported(session, job, tmp_path, format_)

        told = [line for line in made.job.warnings if "lacks 1 of 3 classes" in line]
        assert len(told) == 2
        assert all(line.endswith("aardvark.") for line in told)
        assert made.card.count("lacks 1 of 3 classes") == 2

    @pytest.mark.parametrize("format_", ["parquet", "webdataset", "tfrecord", "csv", "coco"])
    def test_are_no_matter_where_labels_are_written_down(
        self, session: Session, job: CrawlJob, tmp_path: Path, format_: str
    ) -> None:
        assert Exported(session, job, tmp_path, format_).job.warnings == []

    @pytest.mark.parametrize("archive", ["zip", "tar", "tar.gz"])
    @pytest.mark.parametrize("format_", ["imagefolder", "yolo"])
    def test_have_empty_folders_if_asked_for(
        self, session: Session, job: CrawlJob, tmp_path: Path, load: Any, format_: str, archive: str
    ) -> None:
        made = Exported(session, job, tmp_path, format_, missing_classes="folder", archive=archive)

        for split in made.splits:
            found = torch_loaders.samples(made.folder / split, allow_empty=True)
            rows = Counter((sha256(path.read_bytes()), label) for path, label in found)
            assert rows == made.rows(split)
        names, _ = torch_loaders.check_classes(made.folder)
        assert list(names.values()) == made.classes == ["aardvark", "ant", "bee"]
        loaded = load("imagefolder", data_dir=str(made.folder))
        assert sum(map(len, loaded.values())) == 13
        assert all("allow_empty=True" in line for line in made.job.warnings)

    def test_without_folders_shift_the_labels_that_torchvision_gives(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        made = Exported(session, job, tmp_path, "imagefolder")
        with_folders = Exported(
            session, job, tmp_path / "folders", "imagefolder", missing_classes="folder"
        ).folder
        (lacking, *_) = (split for split in made.splits if (split, 0) not in labels(made))

        found = torch_loaders.samples(made.folder / lacking)

        with pytest.raises(FileNotFoundError, match="aardvark"):
            torch_loaders.samples(with_folders / lacking)
        assert {label for _, label in found} == {0, 1}
        assert {label for _, label in made.rows(lacking)} == {1, 2}

    def test_fail_the_export_before_it_is_written_if_asked_to(
        self, session: Session, job: CrawlJob
    ) -> None:
        options = SHARES | {"missing_classes": "fail"}
        export_job = factories.create_export_job(session, job, export_options=options)

        with pytest.raises(ClassMissingError, match="has no image of aardvark"):
            export(export_job)

    def test_fail_no_export_that_has_them_all(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        made = Exported(
            session, job, tmp_path, "yolo", missing_classes="fail", classes={"aardvark": "ant"}
        )

        assert made.job.n_images == 13


@pytest.mark.parametrize("format_", ["yolo", "parquet", "csv"])
def test_a_split_without_an_image_is_told(
    session: Session, job: CrawlJob, store: Store, tmp_path: Path, format_: str
) -> None:
    store_classes(store, "cat", n=1)

    made = Exported(session, job, tmp_path, format_)

    validation = "val" if format_ == "yolo" else "validation"
    assert made.job.warnings == [
        f"The split {split} is without an image." for split in (validation, "test")
    ]
    assert f"The split {validation} is without an image." in made.card


class TestClassesThatCouldNotBeExported:
    @pytest.fixture(autouse=True)
    def stored(self, bucket: None, store: Store) -> None:
        store_classes(store, "cat", "dog")
        store([b"no picture" * 9, b"none either" * 9], keyword="ant", format="jpeg")

    def test_are_told_where_loaders_number_folders(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        made = Exported(session, job, tmp_path, "imagefolder", encode={"format": "png"})

        assert made.job.left_out == {"not_transformed": 2}
        (told,) = [line for line in made.job.warnings if "finds no image of some" in line]
        assert told.startswith("datasets numbers classes otherwise than classes.txt")
        assert told.endswith("ant.")
        assert made.classes == ["ant", "cat", "dog"]

    def test_have_folders_too_if_asked_for(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        made = Exported(
            session, job, tmp_path, "yolo", encode={"format": "png"}, missing_classes="folder"
        )

        for split in made.splits:
            found = torch_loaders.samples(made.folder / split, allow_empty=True)
            rows = Counter((sha256(path.read_bytes()), label) for path, label in found)
            assert rows == made.rows(split)

    def test_fail_the_export_if_asked_to(self, session: Session, job: CrawlJob) -> None:
        options = {"splits": {"train": 1}, "encode": {"format": "png"}, "missing_classes": "fail"}
        export_job = factories.create_export_job(session, job, export_options=options)

        with pytest.raises(ClassMissingError, match="train has no image of ant"):
            export(export_job)


def labels(made: Exported) -> set[tuple[str, int]]:
    return {(line["split"], line["label"]) for line in made.lines}


class TestOneClass:
    @pytest.mark.parametrize("format_", ["imagefolder", "yolo"])
    def test_is_a_label_by_the_card(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path, load: Any, format_: str
    ) -> None:
        store_classes(store, "train")
        made = Exported(session, job, tmp_path, format_)
        folder = str(made.folder)

        for loaded in (
            load(folder),
            load(folder, streaming=True),
            load("imagefolder", data_dir=folder, drop_labels=False),
        ):
            assert [rows_of(rows) for rows in loaded.values()] == [
                made.rows(split) for split in ordered(made)
            ]
        assert "`load_dataset('imagefolder', data_dir='.', drop_labels=False)`" in made.card
        assert "one class alone is no label" in made.card


def ordered(made: Exported) -> list[str]:
    return sorted(made.splits, key=["train", "val", "validation", "test"].index)


class TestCoco:
    @pytest.mark.parametrize("names", [("cat",), ("train", "test")])
    def test_has_no_labels_that_nobody_gave(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path, load: Any, names: Any
    ) -> None:
        store_classes(store, *names)
        made = Exported(session, job, tmp_path, "coco")
        folder = str(made.folder)

        for loaded in (load(folder), load("imagefolder", data_dir=folder, drop_labels=True)):
            assert {split: rows.column_names for split, rows in loaded.items()} == {
                split: ["image"] for split in ("train", "validation", "test")
            }
            counts = Counter(line["split"] for line in made.lines)
            assert {split: len(rows) for split, rows in loaded.items()} == counts
        assert "wants `drop_labels=True`" in made.card


class TestArchivesThatNobodyUnpacked:
    @pytest.mark.parametrize("archive", ["zip", "tar"])
    @pytest.mark.parametrize("format_", ["imagefolder", "yolo", "coco"])
    def test_are_not_loaded_as_something_else(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path, load: Any,
        format_: str, archive: str,
    ) -> None:  # fmt: skip
        store_classes(store, "cat", "dog")
        made = Exported(session, job, tmp_path, format_, archive=archive, unpack=False)

        with pytest.raises(FileNotFoundError, match=r"No .* data files found"):
            load(str(made.folder))
