"""What files say about themselves, in an export."""

import csv
import io
from typing import Any

import datasets
import pandas as pd
import pytest
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob
from tests import factories
from tests.integration.exports.formats.downloads import download
from tests.integration.exports.steps import TRAIN, Store, export, file_of, manifest_of
from tests.unit.imaging import pictures

pytestmark = [pytest.mark.usefixtures("bucket"), pytest.mark.role("crawlset_worker")]

SAID: dict[str, Any] = {
    "date_time_original": "2014-05-03T12:31:08.407+01:00",
    "make": "Canon",
    "creator": "Ida | 山田",
    "copyright_notice": "(c) Ida",
    "digital_source_type": "digitalCapture",
    "latitude": 48.8582222,
    "longitude": -2.2945,
}
DATA = "data/train-00000-of-00001.parquet"


@pytest.fixture
def said(bucket: Any, store: Store) -> None:
    """Two pictures: the first says nothing, which is where loaders take types from."""
    picture = pictures.jpeg()
    store([picture], keyword="cat", embedded=None)
    store([picture + b"\0"], keyword="cat", embedded=SAID, creator="Source")


@pytest.mark.usefixtures("said")
class TestKept:
    def test_is_in_the_manifest_and_beside_the_attribution(
        self, session: Session, job: CrawlJob
    ) -> None:
        export_job = factories.create_export_job(session, job, export_options=TRAIN)

        export(export_job)

        found = [line["embedded"] for line in manifest_of(export_job)]
        assert sorted(found, key=bool) == [None, SAID]
        table = io.StringIO(file_of(export_job, "ATTRIBUTION.csv").decode())
        rows = {row["creator"]: row["embedded_creator"] for row in csv.DictReader(table)}
        assert rows["Source"] == "Ida | 山田"

    def test_is_in_columns_of_parquet(
        self, session: Session, job: CrawlJob, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        export_job = factories.create_export_job(
            session, job, format="parquet", export_options=TRAIN
        )
        export(export_job)
        folder = download(export_job, tmp_path / "download")
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
        monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)

        table = pd.read_parquet(folder / DATA)
        rows = datasets.load_dataset(str(folder))["train"]

        assert table["embedded_latitude"].dtype == float
        for found in (table.to_dict("records"), list(rows), list(rows.to_iterable_dataset())):
            nothing, kept = sorted(found, key=lambda row: row["creator"] == "Source")
            assert {
                f"embedded_{name}": value for name, value in SAID.items()
            }.items() <= kept.items()
            assert pd.isna(nothing["embedded_latitude"])
            assert pd.isna(nothing["embedded_creator"])
            assert kept["creator"] == "Source"


@pytest.mark.usefixtures("said")
class TestStripped:
    @pytest.mark.parametrize("format_", ["imagefolder", "parquet", "webdataset", "jsonl"])
    def test_is_in_no_file(self, session: Session, job: CrawlJob, format_: str) -> None:
        options = TRAIN | {"metadata": "strip"}
        export_job = factories.create_export_job(
            session, job, format=format_, export_options=options
        )

        export(export_job)

        lines = manifest_of(export_job)
        assert all("embedded" not in line for line in lines)
        assert b"48.8582222" not in file_of(export_job, "manifest.jsonl")
        assert "in the file" not in file_of(export_job, "ATTRIBUTION.md").decode()
        if format_ == "parquet":
            table = pd.read_parquet(io.BytesIO(file_of(export_job, DATA)))
            assert not [name for name in table.columns if name.startswith("embedded_")]
