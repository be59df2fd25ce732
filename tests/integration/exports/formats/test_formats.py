"""Every format, read by what its users read it with."""

import csv
import io
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pytest
import webdataset
from PIL import Image as Pillow
from pycocotools.coco import COCO
from sqlalchemy.orm import Session
from tfrecord.reader import tfrecord_loader

from crawlset.models import CrawlJob
from tests.integration.exports.formats.downloads import exported, sha256, sums, unpacked

# What the readers of other people warn of is theirs.
pytestmark = [
    pytest.mark.usefixtures("bucket"),
    pytest.mark.role("crawlset_worker"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
def hugging_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    datasets.disable_progress_bars()
    return datasets


def check_hugging_face(
    loaded: Any, lines: list[dict[str, Any]], classes: list[str], column: str = "image"
) -> None:
    """Every row decoded, every hash compared."""
    assert set(loaded) == {"train", "validation", "test"}
    for split, rows in loaded.items():
        raw = rows.cast_column(column, datasets.Image(decode=False))
        assert Counter(sha256(body_of(row[column])) for row in raw) == sums(lines, split)
        labels = {line["exported_sha256"]: line["class"] for line in lines}
        for row, undecoded in zip(rows, raw, strict=True):
            row[column].load()
            label = row["label"] if "label" in row else row["cls"]
            assert classes[label] == labels[sha256(body_of(undecoded[column]))]


def body_of(image: dict[str, Any]) -> bytes:
    return image["bytes"] if image["bytes"] is not None else Path(image["path"]).read_bytes()


def classes_of(folder: Path) -> list[str]:
    return (folder / "classes.txt").read_text().splitlines()


class TestImageFolder:
    @pytest.mark.parametrize("archive", ["zip", "tar", "tar.gz"])
    def test_is_loaded_by_datasets(
        self, session: Session, job: CrawlJob, tmp_path: Path, hugging_face: Any, archive: str
    ) -> None:
        folder, lines = exported(session, job, "imagefolder", tmp_path, archive=archive)
        tree = unpacked(folder, tmp_path / "tree")

        loaded = hugging_face.load_dataset("imagefolder", data_dir=str(tree))

        names = loaded["train"].features["label"].names
        assert names == classes_of(folder) == ["cat", "golden_dog", "猫"]
        check_hugging_face(loaded, lines, names)

    def test_is_loaded_with_all_beside_it(
        self, session: Session, job: CrawlJob, tmp_path: Path, hugging_face: Any
    ) -> None:
        folder, lines = exported(session, job, "imagefolder", tmp_path)
        unpacked(folder, folder)
        shutil.rmtree(folder / "data")

        for loaded in (
            hugging_face.load_dataset("imagefolder", data_dir=str(folder)),
            hugging_face.load_dataset(str(folder)),
        ):
            check_hugging_face(loaded, lines, classes_of(folder))

    def test_has_only_the_names_it_says(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        folder, lines = exported(session, job, "imagefolder", tmp_path)
        tree = unpacked(folder, tmp_path / "tree")

        files = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}

        assert files == {line["file_name"] for line in lines}


class TestYolo:
    def test_has_the_tree_that_its_trainer_reads(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        folder, lines = exported(session, job, "yolo", tmp_path)
        tree = unpacked(folder, tmp_path / "tree")

        assert {path.name for path in tree.iterdir()} == {"train", "val", "test"}
        for split in tree.iterdir():
            assert sorted(path.name for path in split.iterdir()) == classes_of(folder)
        found = Counter(sha256(path.read_bytes()) for path in tree.rglob("*.*"))
        assert found == sums(lines)


class TestWebDataset:
    def test_is_read_by_webdataset(self, session: Session, job: CrawlJob, tmp_path: Path) -> None:
        folder, lines = exported(session, job, "webdataset", tmp_path, shard_images=5)
        by_sum = {line["exported_sha256"]: line for line in lines}

        for split in ("train", "validation", "test"):
            last = len(list((folder / "data").glob(f"{split}-*.tar"))) - 1
            urls = f"{folder}/data/{split}-{{000000..{last:06d}}}.tar"
            raw = list(webdataset.WebDataset(urls, shardshuffle=False))
            pictures = webdataset.WebDataset(urls, shardshuffle=False).decode("pil")
            rows = list(pictures.to_tuple("jpg", "cls", "json"))

            assert Counter(sha256(sample["jpg"]) for sample in raw) == sums(lines, split)
            for sample, (image, label, about) in zip(raw, rows, strict=True):
                line = by_sum[sha256(sample["jpg"])]
                assert image.size == (line["width"], line["height"])
                assert classes_of(folder)[label] == line["class"] == about["class"]
                assert about["creator"] == line["creator"]
                assert about["format"] == line["format"]

    def test_is_loaded_by_datasets(
        self, session: Session, job: CrawlJob, tmp_path: Path, hugging_face: Any
    ) -> None:
        folder, lines = exported(session, job, "webdataset", tmp_path, shard_images=5)

        loaded = hugging_face.load_dataset(str(folder))

        check_hugging_face(loaded, lines, classes_of(folder), "jpg")

    def test_calls_pictures_by_their_format_where_they_have_one(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        _, lines = exported(session, job, "webdataset", tmp_path, encode={"format": "webp"})

        assert {Path(line["file_name"]).suffix for line in lines} == {".webp"}


class TestParquet:
    def test_is_loaded_by_datasets(
        self, session: Session, job: CrawlJob, tmp_path: Path, hugging_face: Any
    ) -> None:
        folder, lines = exported(session, job, "parquet", tmp_path, shard_images=5)

        loaded = hugging_face.load_dataset(str(folder))

        assert loaded["train"].features["label"].names == classes_of(folder)
        check_hugging_face(loaded, lines, classes_of(folder))
        rows = {row["sha256"]: row for split in loaded.values() for row in split}
        for line in lines:
            row = rows[line["sha256"]]
            assert (row["url"], row["creator"]) == (line["url"], line["creator"])
            assert row["licence"] == (line["licence"] or "")

    def test_is_read_by_pandas(self, session: Session, job: CrawlJob, tmp_path: Path) -> None:
        folder, lines = exported(session, job, "parquet", tmp_path)

        table = pd.concat(map(pd.read_parquet, sorted((folder / "data").iterdir())))

        assert Counter(sha256(image["bytes"]) for image in table["image"]) == sums(lines)


class TestCoco:
    @pytest.mark.parametrize("boxes", ["image", "none"])
    def test_is_read_by_pycocotools(
        self, session: Session, job: CrawlJob, tmp_path: Path, boxes: str
    ) -> None:
        folder, lines = exported(session, job, "coco", tmp_path, boxes=boxes)
        tree = unpacked(folder, tmp_path / "tree")

        for split in ("train", "validation", "test"):
            coco = COCO(str(folder / f"annotations/instances_{split}.json"))
            images = coco.loadImgs(coco.getImgIds())
            paths = [tree / split / image["file_name"] for image in images]
            assert Counter(sha256(path.read_bytes()) for path in paths) == sums(lines, split)
            assert [category["name"] for category in coco.dataset["categories"]] == classes_of(
                folder
            )
            licences = {one["id"]: one["name"] for one in coco.dataset["licenses"]}
            by_id = {line["image_id"]: line for line in lines}
            for image in images:
                line = by_id[image["id"]]
                assert licences[image["license"]] == (line["licence"] or "unknown")
                annotations = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
                assert len(annotations) == (boxes == "image")
                for annotation in annotations:
                    (category,) = coco.loadCats(annotation["category_id"])
                    assert category["name"] == line["class"]
                    assert annotation["bbox"] == [0, 0, line["width"], line["height"]]


class TestTFRecord:
    def test_is_read_by_a_reader(self, session: Session, job: CrawlJob, tmp_path: Path) -> None:
        folder, lines = exported(session, job, "tfrecord", tmp_path, shard_images=5)
        by_sum = {line["exported_sha256"]: line for line in lines}
        names = sorted(path.name for path in (folder / "data").iterdir())

        assert names[0] == "test.tfrecord-00000-of-00002"
        found: Counter[str] = Counter()
        for name in names:
            for record in tfrecord_loader(str(folder / "data" / name), None):
                body = bytes(record["image/encoded"])
                line = by_sum[sha256(body)]
                Pillow.open(io.BytesIO(body)).load()
                assert classes_of(folder)[int(record["image/class/label"][0])] == line["class"]
                assert bytes(record["image/class/text"]).decode() == line["class"]
                assert bytes(record["image/format"]).decode() == line["format"]
                assert int(record["image/width"][0]) == line["width"]
                assert json.loads(bytes(record["image/metadata"]))["url"] == line["url"]
                found[sha256(body)] += 1
        assert found == sums(lines)


class TestLists:
    def test_csv_is_read_by_pandas_and_no_formula(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        folder, lines = exported(session, job, "csv", tmp_path, csv_formulas="escape")

        table = pd.read_csv(folder / "images.csv", keep_default_na=False)

        assert not (folder / "data").exists()
        assert list(table["sha256"]) == [line["sha256"] for line in lines]
        assert list(table["split"]) == [line["split"] for line in lines]
        expected = [line["creator"].replace("=cmd()", "'=cmd()") for line in lines]
        assert list(table["creator"]) == expected
        with (folder / "images.csv").open(newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]

    @pytest.mark.parametrize("format_", ["json", "jsonl"])
    def test_json_is_read_by_pandas(
        self, session: Session, job: CrawlJob, tmp_path: Path, format_: str
    ) -> None:
        folder, lines = exported(session, job, format_, tmp_path)

        table = pd.read_json(folder / f"images.{format_}", lines=format_ == "jsonl")

        assert list(table["sha256"]) == [line["sha256"] for line in lines]
        assert list(table["creator"]) == [line["creator"] for line in lines]
        assert list(table["class"]) == [line["class"] for line in lines]

    @pytest.mark.parametrize("format_", ["csv", "json", "jsonl"])
    def test_is_loaded_by_datasets_as_the_card_says(
        self, session: Session, job: CrawlJob, tmp_path: Path, hugging_face: Any, format_: str
    ) -> None:
        folder, lines = exported(session, job, format_, tmp_path)
        builder = "csv" if format_ == "csv" else "json"
        files = {"data_files": str(folder / f"images.{format_}")}

        for loaded in (
            hugging_face.load_dataset(str(folder)),
            hugging_face.load_dataset(builder, **files),
        ):
            assert loaded["train"]["sha256"] == [line["sha256"] for line in lines]
        card = (folder / "README.md").read_text()
        assert f"load_dataset('{builder}', data_files=" in card
        assert "All rows are in one split" in card
