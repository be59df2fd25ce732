"""Texts of an export as its loaders read them: whole, and as they are."""

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import webdataset
from sqlalchemy.orm import Session
from tfrecord.reader import tfrecord_loader

from crawlset.models import CrawlJob
from tests.integration.exports.loaders.exported import Exported, store_classes
from tests.integration.exports.steps import Store

# What the readers of other people warn of is theirs.
pytestmark = [
    pytest.mark.usefixtures("bucket"),
    pytest.mark.role("crawlset_worker"),
    pytest.mark.filterwarnings("ignore"),
]

CAPTION = 'A "long", caption;\nof two lines. ' * 7_000
FORMULAS = ("-x", "=1+1", "+cat", "@home", "\uff1dcmd")


class TestLongTexts:
    @pytest.fixture(autouse=True)
    def stored(self, bucket: None, store: Store) -> None:
        assert len(CAPTION) > 200_000
        store_classes(store, "cat", title=CAPTION)

    @pytest.mark.parametrize("format_", ["csv", "json", "jsonl", "parquet"])
    def test_are_whole_to_datasets(
        self, session: Session, job: CrawlJob, tmp_path: Path, load: Any, format_: str
    ) -> None:
        made = Exported(session, job, tmp_path, format_)

        for rows in load(str(made.folder)).values():
            assert set(rows["title"]) == {CAPTION}
            if format_ != "parquet":
                assert set(rows["caption"]) == {CAPTION}

    def test_are_whole_to_readers_of_csv(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        made = Exported(session, job, tmp_path, "csv")

        assert set(pd.read_csv(made.folder / "images.csv")["caption"]) == {CAPTION}
        limit = csv.field_size_limit(len(CAPTION) + 1)
        try:
            with (made.folder / "images.csv").open(newline="") as file:
                assert {row["caption"] for row in csv.DictReader(file)} == {CAPTION}
        finally:
            csv.field_size_limit(limit)

    def test_are_whole_in_webdataset_and_tfrecord(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        made = Exported(session, job, tmp_path / "1", "webdataset")
        records = Exported(session, job, tmp_path / "2", "tfrecord")

        url = str(made.folder / "data/train-000000.tar")
        (sample, *_) = webdataset.WebDataset(url, shardshuffle=False)
        assert json.loads(sample["json"])["title"] == CAPTION
        (path, *_) = (records.folder / "data").glob("train*")
        record = next(iter(tfrecord_loader(str(path), None)))
        assert json.loads(bytes(record["image/metadata"]))["title"] == CAPTION


class TestFormulas:
    @pytest.fixture(autouse=True)
    def stored(self, bucket: None, store: Store) -> None:
        for text in FORMULAS:
            store_classes(store, text, n=1, title=text, creator=text)

    def test_are_texts_like_any_other_to_programs(
        self, session: Session, job: CrawlJob, tmp_path: Path, load: Any
    ) -> None:
        made = Exported(session, job, tmp_path, "csv")

        table = pd.read_csv(made.folder / "images.csv", keep_default_na=False)

        assert set(table["title"]) == set(table["creator"]) == set(FORMULAS)
        assert [made.classes[label] for label in table["label"]] == list(table["class"])
        (rows,) = load(str(made.folder)).values()
        assert rows["class"] == list(table["class"])

    def test_are_escaped_for_spreadsheets_if_asked_for(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        made = Exported(session, job, tmp_path, "csv", csv_formulas="escape")

        table = pd.read_csv(made.folder / "images.csv", dtype=str, keep_default_na=False)

        assert set(table["title"]) == {f"'{text}" for text in FORMULAS}
        assert set(table["class"]) == {f"'{name}" for name in made.classes}
        assert set(made.classes) == set(FORMULAS)

    @pytest.mark.parametrize("choice", ["keep", "escape"])
    def test_are_always_escaped_in_the_table_for_people(
        self, session: Session, job: CrawlJob, tmp_path: Path, choice: str
    ) -> None:
        made = Exported(session, job, tmp_path, "csv", csv_formulas=choice)

        table = pd.read_csv(made.folder / "ATTRIBUTION.csv", dtype=str)

        assert set(table["title"]) == {f"'{text}" for text in FORMULAS}


class TestClassesThatLookLikeSomethingElse:
    @pytest.mark.parametrize(
        ("names", "told"),
        [
            (("007", "1.0", "inf"), "make numbers of these classes unless told: 007, 1.0, inf."),
            (("True", "FALSE"), "make booleans of these classes unless told: FALSE, True."),
            (("NA", "null", "cat"), "unless keep_default_na=False: NA, null."),
        ],
    )
    def test_are_told_in_csv(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path, names: Any, told: str
    ) -> None:
        store_classes(store, *names)

        made = Exported(session, job, tmp_path, "csv")

        (warning,) = made.job.warnings
        assert warning.endswith(told)

    @pytest.mark.parametrize("names", [("True", "False"), ("007", "1.0")])
    def test_are_something_else_to_datasets_too(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path, load: Any, names: Any
    ) -> None:
        store_classes(store, *names)
        made = Exported(session, job, tmp_path, "csv")

        (rows,) = load(str(made.folder)).values()

        assert not set(rows["class"]) & set(names)
        assert [made.classes[label] for label in rows["label"]] == [
            line["class"] for line in made.lines
        ]

    def test_are_texts_once_escaped(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path
    ) -> None:
        store_classes(store, "-1", "+2")

        made = Exported(session, job, tmp_path, "csv", csv_formulas="escape")

        assert made.job.warnings == []

    def test_are_read_where_the_card_tells_the_loader(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path, load: Any
    ) -> None:
        store_classes(store, "NA", "null", "cat")
        made = Exported(session, job, tmp_path, "csv")

        (rows,) = load(str(made.folder)).values()

        assert rows["class"] == [line["class"] for line in made.lines]

    @pytest.mark.parametrize("format_", ["json", "jsonl", "parquet"])
    def test_are_texts_where_a_format_has_types(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path, load: Any, format_: str
    ) -> None:
        store_classes(store, "007", "1.0", "NA", "2024-01-01")
        made = Exported(session, job, tmp_path, format_)

        loaded = load(str(made.folder))

        found = {name for rows in loaded.values() for name in rows["class"]}
        assert found == {"007", "1.0", "NA", "2024-01-01"}
