"""What a list says of pictures, in what is exported of them."""

import io
import json
import tarfile
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, FurtherRow, Image
from tests import factories
from tests.integration.exports.steps import TRAIN, Store, export, file_of, manifest_of

CAPTIONS = [f"caption {number}" for number in range(5)]
COLUMNS = {"similarity": 0.31, "uid": "x", "tags": ["a", "b"]}


@pytest.fixture
def listed(session: Session, job: CrawlJob, store: Store) -> tuple[Image, Image]:
    """A picture with five captions, as COCO has them, and one with nothing of the kind."""
    [told] = store(1, title=CAPTIONS[0], columns=COLUMNS)
    [bare] = store(1, title=None)
    session.add_all(
        FurtherRow(
            crawl_job_id=job.id,
            user_id=job.user_id,
            url_hash=told.url_hash,
            rank=100 - number,
            title=CAPTIONS[-number],
            keyword="dog",
            columns={"n": number},
        )
        for number in range(1, 5)
    )
    session.commit()
    return told, bare


def exported(session: Session, job: CrawlJob, format_: str) -> Any:
    options = {"format": format_, "export_options": TRAIN}
    export_job = factories.create_export_job(session, job, **options)
    export(export_job)
    return export_job


@pytest.mark.usefixtures("bucket")
class TestFurtherRows:
    def test_are_all_in_webdataset(
        self, session: Session, job: CrawlJob, listed: tuple[Image, Image]
    ) -> None:
        export_job = exported(session, job, "webdataset")

        body = io.BytesIO(file_of(export_job, "data/train-000000.tar"))
        with tarfile.open(fileobj=body) as tar:
            samples = [
                json.load(tar.extractfile(name))  # type: ignore[arg-type]
                for name in tar.getnames()
                if name.endswith(".json")
            ]
        told, bare = (
            next(each for each in samples if each["image_id"] == image.id) for image in listed
        )
        assert told["captions"] == CAPTIONS
        assert json.loads(told["columns"]) == COLUMNS
        assert [row["class"] for row in json.loads(told["rows"])] == ["dog"] * 4
        assert (bare["captions"], bare["columns"], bare["rows"]) == ([""], "", "")

    def test_are_all_in_parquet(
        self, session: Session, job: CrawlJob, listed: tuple[Image, Image]
    ) -> None:
        export_job = exported(session, job, "parquet")

        body = file_of(export_job, "data/train-00000-of-00001.parquet")
        rows = {row["image_id"]: row for row in pq.read_table(io.BytesIO(body)).to_pylist()}
        told, bare = (rows[image.id] for image in listed)
        assert told["captions"] == CAPTIONS
        assert json.loads(told["columns"]) == COLUMNS
        assert json.loads(told["rows"])[0]["columns"] == {"n": 4}
        assert (bare["captions"], bare["columns"], bare["rows"]) == ([""], "", "")

    @pytest.mark.parametrize("format_", ["csv", "jsonl"])
    def test_are_in_the_manifest(
        self, session: Session, job: CrawlJob, listed: tuple[Image, Image], format_: str
    ) -> None:
        lines = {line["image_id"]: line for line in manifest_of(exported(session, job, format_))}

        told, bare = (lines[image.id] for image in listed)
        assert told["columns"] == COLUMNS
        assert [row["caption"] for row in told["rows"]] == CAPTIONS[1:]
        assert (bare["columns"], bare["rows"]) == (None, [])
