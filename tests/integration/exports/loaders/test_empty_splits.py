"""Exports with a split in which a loader finds no image: the other splits load all the same."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.exports.formats import FORMATS
from crawlset.exports.missing import ClassMissingError
from crawlset.models import CrawlJob
from tests import factories
from tests.integration.exports.loaders import torch_loaders
from tests.integration.exports.loaders.exported import SHARES, Exported, store_classes
from tests.integration.exports.steps import Store, export

pytestmark = [
    pytest.mark.usefixtures("bucket"),
    pytest.mark.role("crawlset_worker"),
    pytest.mark.filterwarnings("ignore"),
]


def store_an_odd_one(store: Store, image_format: str) -> None:
    """Three images of a class, so that each is alone in its split; one of another format."""
    store_classes(store, "ant", n=2)
    store_classes(store, "ant", n=1, image_format=image_format)


@pytest.mark.parametrize("format_", ["imagefolder", "yolo", "coco", "parquet", "webdataset"])
def test_what_was_left_out_takes_no_other_split_along(
    session: Session, job: CrawlJob, store: Store, tmp_path: Path, load: Any, format_: str
) -> None:
    """A TIFF is stripped by encoding it anew only."""
    store_an_odd_one(store, "tiff")

    made = Exported(session, job, tmp_path, format_, metadata="strip")

    assert made.job.left_out == {"not_stripped": 1}
    assert any(line.endswith("is without an image.") for line in made.job.warnings)
    loaded = load(str(made.folder))
    called = {"val": "validation"}
    assert {name: len(rows) for name, rows in loaded.items()} == {
        called.get(split, split): 1 for split in made.splits
    }


@pytest.mark.parametrize("format_", ["imagefolder", "yolo", "coco"])
def test_a_format_that_datasets_passes_over_takes_no_other_split_along(
    session: Session, job: CrawlJob, store: Store, tmp_path: Path, load: Any, format_: str
) -> None:
    store_an_odd_one(store, "avif")

    made = Exported(session, job, tmp_path, format_)

    (unread,) = {line["split"] for line in made.lines if line["exported_format"] == "avif"}
    assert any(f"and finds nothing in {unread};" in line for line in made.job.warnings)
    loaded = load(str(made.folder))
    assert sorted(len(rows) for rows in loaded.values()) == [1, 1]


def test_fails_if_that_was_asked_for(session: Session, job: CrawlJob, store: Store) -> None:
    store_classes(store, "ant", n=2)
    export_job = factories.create_export_job(
        session, job, format="imagefolder", export_options=SHARES | {"missing_classes": "fail"}
    )

    with pytest.raises(ClassMissingError, match="has no image of ant"):
        export(export_job)


def test_has_folders_if_they_were_asked_for(
    session: Session, job: CrawlJob, store: Store, tmp_path: Path
) -> None:
    store_classes(store, "ant", "bee", n=1)

    made = Exported(session, job, tmp_path, "imagefolder", missing_classes="folder")

    for split in ("train", "validation", "test"):
        assert torch_loaders.samples(made.folder / split, allow_empty=True) is not None
        assert {path.name for path in (made.folder / split).iterdir()} == {"ant", "bee"}


@pytest.mark.parametrize("format_", FORMATS)
def test_an_export_without_an_image_says_so(
    session: Session, job: CrawlJob, store: Store, tmp_path: Path, format_: str
) -> None:
    store_classes(store, "ant", n=1)

    made = Exported(session, job, tmp_path, format_, unpack=False, classes={"ant": None})

    (told,) = made.job.warnings
    assert told.startswith("The export is empty:")
    assert f"- {told}" in made.card
    assert (made.job.n_images, made.classes) == (0, [])
