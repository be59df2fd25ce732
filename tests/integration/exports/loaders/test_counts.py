"""Loops over an export with split-word classes see the images that its card counts."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import webdataset
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob
from tests.integration.exports.formats.downloads import sha256
from tests.integration.exports.loaders import torch_loaders
from tests.integration.exports.loaders.exported import Exported, rows_of, store_classes
from tests.integration.exports.steps import Store

pytestmark = [
    pytest.mark.usefixtures("bucket"),
    pytest.mark.role("crawlset_worker"),
    pytest.mark.filterwarnings("ignore"),
]

CLASSES = ("train", "test", "validation", "cat", "evaluation-2")


@pytest.fixture
def stored(bucket: None, store: Store) -> None:
    store_classes(store, *CLASSES, n=12)


@pytest.mark.usefixtures("stored")
class TestLoops:
    @pytest.mark.parametrize("format_", ["imagefolder", "yolo", "parquet", "webdataset"])
    def test_datasets_streams_the_images_of_the_card(
        self, session: Session, job: CrawlJob, tmp_path: Path, load: Any, format_: str
    ) -> None:
        made = Exported(session, job, tmp_path, format_)
        columns = ("jpg", "cls") if format_ == "webdataset" else ("image", "label")

        streamed = load(str(made.folder), streaming=True)

        assert set(streamed) == {"train", "validation", "test"}
        counts = made.counts_of_the_card()
        for split, rows in streamed.items():
            ours = "val" if (split, format_) == ("validation", "yolo") else split
            assert sum(1 for _ in rows) == counts[ours]
            assert rows_of(rows, *columns) == made.rows(ours)
        assert sum(counts.values()) == len(CLASSES) * 12

    def test_webdataset_loops_over_the_images_of_the_card(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        made = Exported(session, job, tmp_path, "webdataset", shard_images=7)

        found = {}
        for split in made.splits:
            urls = sorted(map(str, (made.folder / "data").glob(f"{split}-*.tar")))
            samples = list(webdataset.WebDataset(urls, shardshuffle=False))
            found[split] = len(samples)
            rows = Counter((sha256(sample["jpg"]), int(sample["cls"])) for sample in samples)
            assert rows == made.rows(split)

        assert found == made.counts_of_the_card()

    @pytest.mark.parametrize("format_", ["imagefolder", "yolo"])
    def test_torchvision_loops_over_the_images_of_the_card(
        self, session: Session, job: CrawlJob, tmp_path: Path, format_: str
    ) -> None:
        made = Exported(session, job, tmp_path, format_)

        loops = {split: torch_loaders.samples(made.folder / split) for split in made.splits}

        assert {split: len(loop) for split, loop in loops.items()} == made.counts_of_the_card()
        for split, loop in loops.items():
            rows = Counter((sha256(path.read_bytes()), label) for path, label in loop)
            assert rows == made.rows(split)

    def test_ultralytics_finds_nothing_wrong(
        self, session: Session, job: CrawlJob, tmp_path: Path
    ) -> None:
        made = Exported(session, job, tmp_path, "yolo")

        names, errors = torch_loaders.check_classes(made.folder)

        assert errors == []
        assert [name.replace("~", "") for name in names.values()] == made.classes
