"""A format that the package does not have: one class and one line in the registry."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mlcroissant
import pytest
from sqlalchemy.orm import Session

from crawlset.exports.croissant_terms import ImageDescription, column, record_set
from crawlset.exports.files import ExportDamagedError
from crawlset.exports.formats import FORMATS
from crawlset.exports.formats.base import ExportFormat, Sample
from crawlset.models import CrawlJob, JobStatus
from tests import factories
from tests.integration.exports.steps import (
    TRAIN,
    export,
    file_of,
    manifest_of,
    step,
    storing,
    write,
)


class HexLines(ExportFormat):
    """A line for each picture: its name, and its bytes in hexadecimal digits."""

    name = "hex"
    data_names = "data/{split}-{number}-of-{n}.hex"
    contents = (("data/*.hex", "a name and a picture in each line"), ("names.csv", "all names"))
    loaded_by = "open('data/train-0-of-1.hex')"

    def open_writer(self, path: Path) -> "Lines":
        return Lines(path)

    def read(self, path: Path) -> Iterator[tuple[str, bytes]]:
        for line in path.read_text().splitlines():
            name, body = line.split(" ")
            yield name, bytes.fromhex(body)

    def open_side_files(self, directory: Path) -> "Lines":
        return Lines(directory / "names.csv", "name\n")

    def describe_images(self, data: Sequence[str]) -> ImageDescription:
        del data
        names = column("images/name", "names.csv", "name")
        return ImageDescription(record_sets=[record_set("images", [names])])


class Lines:
    names = ("names.csv",)

    def __init__(self, path: Path, head: str = "") -> None:
        self._out = path.open("w")
        self._out.write(head)

    def append(self, sample: Sample) -> None:
        self._out.write(f"{sample.file_name} {sample.picture.data.hex()}\n")

    def add(self, entry: Mapping[str, Any]) -> None:
        self._out.write(f"{entry['file_name']}\n")

    def close(self) -> None:
        self._out.close()


class Forgetful(HexLines):
    def read(self, path: Path) -> Iterator[tuple[str, bytes]]:
        yield from list(super().read(path))[1:]


pytestmark = [
    pytest.mark.usefixtures("bucket"),
    pytest.mark.role("crawlset_worker"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
def job(job: CrawlJob, monkeypatch: pytest.MonkeyPatch) -> CrawlJob:
    monkeypatch.setitem(FORMATS, HexLines.name, f"{__name__}:HexLines")
    return job


class TestTenthFormat:
    def test_is_exported_and_read_back(self, session: Session, job: CrawlJob) -> None:
        storing(session, job)([b"one", b"two", b"three"])
        export_job = factories.create_export_job(
            session, job, format="hex", export_options=TRAIN | {"shard_images": 2}
        )

        export(export_job)

        session.refresh(export_job)
        assert (export_job.status, export_job.n_images) == (JobStatus.completed, 3)
        lines = file_of(export_job, "data/train-0-of-2.hex").decode().split()
        assert [bytes.fromhex(body) for body in lines[1::2]] == [b"one", b"two"]
        named = [line["file_name"] for line in manifest_of(export_job)]
        assert file_of(export_job, "names.csv").decode().split() == ["name", *named]
        assert lines[::2] == named[:2]

    def test_speaks_in_the_card_in_croissant_and_in_the_sums(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        storing(session, job)([b"one"])
        export_job = factories.create_export_job(session, job, format="hex", export_options=TRAIN)

        export(export_job)

        for name in ("croissant.json", "names.csv", "manifest.jsonl"):
            (tmp_path / name).write_bytes(file_of(export_job, name))
        described = mlcroissant.Dataset(jsonld=str(tmp_path / "croissant.json"))
        assert described.metadata.issues.errors == set()
        assert len(list(described.records("images"))) == 1
        card = file_of(export_job, "README.md").decode()
        assert "| `data/*.hex` | a name and a picture in each line |" in card
        assert "`datasets` loads it by `open('data/train-0-of-1.hex')`." in card
        sums = file_of(export_job, "SHA256SUMS").decode().split()[1::2]
        assert {"data/train-0-of-1.hex", "names.csv"} <= set(sums)
        assert json.loads(file_of(export_job, "config.json"))["export"]["format"] == "hex"

    def test_is_verified_by_its_own_reader(
        self, session: Session, job: CrawlJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        storing(session, job)([b"one"])
        export_job = factories.create_export_job(session, job, format="hex", export_options=TRAIN)
        shards = write(export_job)
        monkeypatch.setitem(FORMATS, HexLines.name, f"{__name__}:Forgetful")

        with pytest.raises(ExportDamagedError, match="not those planned"):
            step(export_job, "verify_shard", **shards[0])
