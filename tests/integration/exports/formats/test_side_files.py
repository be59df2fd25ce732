"""Files beside the data of an export, in every format."""

import csv
import io
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlcroissant
import numpy as np
import pytest
from huggingface_hub import DatasetCard
from mlcroissant._src.core import constants
from mlcroissant._src.operation_graph.operations import extract
from PIL import Image as Pillow
from sqlalchemy.orm import Session

from crawlset.exports.formats import FORMATS
from crawlset.kit import objects
from crawlset.models import CrawlJob
from tests.integration.exports.formats.downloads import exported, sha256

# What the readers of other people warn of is theirs.
pytestmark = [
    pytest.mark.usefixtures("bucket"),
    pytest.mark.role("crawlset_worker"),
    pytest.mark.filterwarnings("ignore"),
]


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
