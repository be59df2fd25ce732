"""Every format, read by what its users read it with."""

import csv
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import mlcroissant
import numpy as np
import pandas as pd
import pytest
import webdataset
from huggingface_hub import DatasetCard
from mlcroissant._src.core import constants
from mlcroissant._src.operation_graph.operations import extract
from PIL import Image as Pillow
from pycocotools.coco import COCO
from sqlalchemy.orm import Session
from tfrecord.reader import tfrecord_loader

from crawlset.exports.formats import FORMATS
from crawlset.kit import objects
from crawlset.models import CrawlJob, ExportJob, JobStatus, Project
from crawlset.outcomes import ImageStatus, Outcome
from tests import factories
from tests.integration.exporting import export, manifest_of, storing

# What the readers of other people warn of is theirs.
pytestmark = [
    pytest.mark.usefixtures("bucket"),
    pytest.mark.role("crawlset_worker"),
    pytest.mark.filterwarnings("ignore"),
]

SPLITS = {"splits": {"train": 0.5, "validation": 0.25, "test": 0.25}, "stratify": True}
N_OF_A_CLASS = 8
CLASSES = ("cat", "golden dog", "猫")
HOSTILE = ("=cmd()", "../../up", "a\nb", "x" * 300, "\u202egpj.exe", '","', "</script>", "'")


def picture(seed: int, image_format: str) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (24, 32 + seed % 5, 3), np.uint8)
    out = io.BytesIO()
    options = {"quality": 90} if image_format in {"JPEG", "WEBP"} else {}
    Pillow.fromarray(pixels).save(out, image_format, **options)
    return out.getvalue()


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    """Three classes of eight images in four formats, with hostile texts, and what failed."""
    job = factories.create_crawl_job(session, project, status=JobStatus.completed)
    store = storing(session, job)
    formats = ["jpeg", "jpeg", "png", "webp", "gif", "jpeg", "png", "jpeg"]
    for label, keyword in enumerate(CLASSES):
        for at, image_format in enumerate(formats):
            seed = label * 100 + at
            body = picture(seed, image_format.upper())
            with Pillow.open(io.BytesIO(body)) as opened:
                width, height = opened.size
            store(
                [body],
                keyword=keyword,
                format=image_format,
                width=width,
                height=height,
                creator=HOSTILE[at],
                title=HOSTILE[-at],
                landing_url=None if at % 2 else f"https://example.org/{seed}",
                licence=[None, "cc-by-4.0", "cc0-1.0", "cc-by-nc-sa-2.0"][at % 4],
            )
    chunk = factories.create_chunk(session, job)
    factories.create_image(session, chunk, status=ImageStatus.failed, outcome=Outcome.http_404)
    return job


def exported(
    session: Session, job: CrawlJob, format_: str, root: Path, **options: Any
) -> tuple[Path, list[dict[str, Any]]]:
    """The folder of an export as it would be downloaded, and its manifest's exported lines."""
    export_job = factories.create_export_job(
        session, job, format=format_, export_options=SPLITS | options
    )
    export(export_job)
    folder = download(export_job, root / format_)
    lines = [line for line in manifest_of(export_job) if line["data_file"]]
    assert len(lines) == len(CLASSES) * N_OF_A_CLASS == export_job_images(session, export_job)
    return folder, lines


def export_job_images(session: Session, export_job: ExportJob) -> int:
    session.refresh(export_job)
    return export_job.n_images


def download(export_job: ExportJob, folder: Path) -> Path:
    prefix = f"exports/{export_job.id}/"
    for key in objects.list_keys(prefix):
        name = key.removeprefix(prefix)
        if not name.startswith("plan/"):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(objects.get(key))
    return folder


def unpacked(folder: Path, into: Path) -> Path:
    for path in sorted((folder / "data").iterdir()):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                archive.extractall(into)
        else:
            with tarfile.open(path) as archive:
                archive.extractall(into, filter="data")
    return into


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def sums(lines: list[dict[str, Any]], split: str | None = None) -> Counter[str]:
    return Counter(line["exported_sha256"] for line in lines if split in {None, line["split"]})


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
        folder, lines = exported(session, job, "csv", tmp_path)

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
        assert f"load_dataset('{builder}', data_files=" in (folder / "README.md").read_text()


class TestCroissant:
    @pytest.fixture(autouse=True)
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """mlcroissant unpacks archives into a cache by their address, here relative."""
        monkeypatch.setattr(constants, "EXTRACT_PATH", tmp_path / "extracted")
        monkeypatch.setattr(extract, "EXTRACT_PATH", tmp_path / "extracted")

    @pytest.mark.parametrize("format_", list(FORMATS))
    def test_is_validated(
        self, session: Session, job: CrawlJob, tmp_path: Path, format_: str
    ) -> None:
        folder, _ = exported(session, job, format_, tmp_path)
        document = json.loads((folder / "croissant.json").read_text())

        metadata = mlcroissant.Dataset(jsonld=str(folder / "croissant.json")).metadata

        assert metadata.issues.errors == set()
        assert metadata.issues.warnings == set()
        assert document["conformsTo"] == "http://mlcommons.org/croissant/1.1"
        for file in document["distribution"]:
            if file["@type"] == "cr:FileObject":
                assert file["sha256"] == sha256((folder / file["contentUrl"]).read_bytes())

    @pytest.mark.parametrize("format_", ["imagefolder", "yolo", "coco", "webdataset", "parquet"])
    def test_loads_every_picture(
        self, session: Session, job: CrawlJob, tmp_path: Path, format_: str
    ) -> None:
        folder, lines = exported(session, job, format_, tmp_path, shard_images=5)

        records = list(mlcroissant.Dataset(jsonld=str(folder / "croissant.json")).records("images"))

        assert len(records) == len(lines)
        loaded = Counter(np.asarray(row["images/image"]).tobytes() for row in records)
        assert loaded == Counter(
            np.asarray(Pillow.open(io.BytesIO(body))).tobytes() for body in bodies_of(job, lines)
        )
        if format_ in {"imagefolder", "yolo"}:
            named = {Path(line["file_name"]).name: line for line in lines}
            for row in records:
                line = named[Path(row["images/file_name"].decode()).name]
                assert row["images/class"].decode() == line["class"]
                assert row["images/split"].decode() == line["split"]

    @pytest.mark.parametrize("format_", list(FORMATS))
    def test_loads_the_provenance_of_every_candidate(
        self, session: Session, job: CrawlJob, tmp_path: Path, format_: str
    ) -> None:
        folder, lines = exported(session, job, format_, tmp_path)

        dataset = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
        records = list(dataset.records("provenance"))

        assert len(records) == len(lines) + 1
        assert {row["provenance/url"].decode() for row in records} >= {
            line["url"] for line in lines
        }

    @pytest.mark.parametrize("format_", ["imagefolder", "webdataset", "parquet", "csv"])
    def test_does_not_load_after_one_flipped_byte(
        self, session: Session, job: CrawlJob, tmp_path: Path, format_: str
    ) -> None:
        folder, lines = exported(session, job, format_, tmp_path)
        path = folder / lines[0]["data_file"]
        body = bytearray(path.read_bytes())
        body[len(body) // 2] ^= 1
        path.write_bytes(body)

        dataset = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
        with pytest.raises(Exception) as raised:
            list(dataset.records(path.stem if format_ == "parquet" else "images"))

        assert "is not identical with the reference" in str(raised.value.__cause__)


def bodies_of(job: CrawlJob, lines: list[dict[str, Any]]) -> Iterator[bytes]:
    """The pictures as they are stored, by their sums."""
    found = {}
    for key in objects.list_keys(f"jobs/{job.id}/"):
        body = objects.get(key)[512:]
        found[sha256(body)] = body
    return (found[line["sha256"]] for line in lines)


class TestSideFiles:
    def test_sums_are_checked_by_coreutils(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        folder, _ = exported(session, job, "webdataset", tmp_path)

        checked = subprocess.run(
            ["sha256sum", "--check", "--strict", "SHA256SUMS"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )

        files = [path for path in folder.rglob("*") if path.is_file()]
        assert checked.returncode == 0, checked.stdout
        assert checked.stdout.count(": OK") == len(files) - 1

    def test_attributions_are_by_licence_with_a_notice(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        folder, lines = exported(session, job, "imagefolder", tmp_path)

        markdown = (folder / "ATTRIBUTION.md").read_text()
        with (folder / "ATTRIBUTION.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))

        headings = [line for line in markdown.splitlines() if line.startswith("## ")]
        assert "NOTICE: strictest licence = Unknown." in markdown
        assert [heading.partition(",")[0] for heading in headings] == [
            "## CC0 1.0",
            "## CC BY 4.0",
            "## CC BY-NC-SA 2.0",
            "## Unknown",
        ]
        assert sum(line.startswith("- ") for line in markdown.splitlines()) == len(lines)
        assert [row["file_name"] for row in rows] == [line["file_name"] for line in lines]
        assert {row["changes"] for row in rows} == {""}
        assert not [row for row in rows if row["creator"].startswith("=")]

    def test_attributions_tell_of_changes(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        resize = {"mode": "keep_ratio", "size": 16}
        folder, _ = exported(session, job, "imagefolder", tmp_path, resize=resize)

        with (folder / "ATTRIBUTION.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))

        assert all("exported as jpeg" in row["changes"] for row in rows)

    def test_card_is_yaml_and_names_what_the_hub_knows(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        job.name = """猫 🐈: - "x" 'y' # {[%"""
        session.commit()
        folder, lines = exported(session, job, "parquet", tmp_path)

        card = DatasetCard.load(folder / "README.md")

        assert card.data.pretty_name == job.name
        assert card.data.license == ["cc-by-4.0", "cc-by-nc-sa-2.0", "cc0-1.0", "other"]
        assert card.data.size_categories == ["n<1K"]
        assert f"{len(lines)} images of {len(lines) + 1} candidates" in card.text

    def test_config_is_what_was_asked(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        folder, _ = exported(session, job, "parquet", tmp_path, seed="x")

        config = json.loads((folder / "config.json").read_text())

        assert config["export"]["export_options"]["seed"] == "x"
        assert config["export"]["format"] == "parquet"
        assert config["crawl_job"]["keywords"] == job.keywords


@pytest.mark.parametrize("format_", list(FORMATS))
def test_the_same_images_and_options_give_the_same_bytes(
    session: Session, job: CrawlJob, tmp_path: Path, format_: str
) -> None:
    options = {"shard_images": 5, "metadata": "strip"}

    first, _ = exported(session, job, format_, tmp_path / "1", **options)
    second, _ = exported(session, job, format_, tmp_path / "2", **options)

    names = [path.relative_to(first) for path in first.rglob("*") if path.is_file()]
    assert {name: sha256((first / name).read_bytes()) for name in names} == {
        name: sha256((second / name).read_bytes()) for name in names
    }
