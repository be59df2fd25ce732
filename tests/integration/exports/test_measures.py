"""Measures and vectors of measurers, in an export."""

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.kit import objects
from crawlset.measuring.vectors import to_parquet
from crawlset.models import CrawlJob, Image, Profile
from crawlset.wire import keys
from tests import factories
from tests.integration.api import Api
from tests.integration.exports.steps import TRAIN, Store, export, file_of, manifest_of
from tests.unit.imaging import pictures

pytestmark = pytest.mark.usefixtures("bucket")

MEASURES = {"colourfulness": 31.5, "nearness": 0.75}
PALETTE: dict[str, Any] = {"version": "1", "part": "p", "neighbours": 1, "measures": MEASURES}


@pytest.fixture(autouse=True)
def _deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MEASURER_ARNS", "palette@1=arn:aws:lambda:us-east-1:1:function:palette")
    settings.measurer_settings.cache_clear()
    yield
    settings.measurer_settings.cache_clear()


@pytest.fixture
def measured(bucket: Any, store: Store, job: CrawlJob) -> list[int]:
    """Four pictures: without measures, with them, failed, and of another version."""
    known: list[Any] = [
        None,
        {"palette": PALETTE, "text": {"version": "2", "measures": {"area": 0.5}}},
        {"palette": {"version": "1", "error": "too odd"}},
        {"palette": PALETTE | {"version": "0"}},
    ]
    images: list[Image] = []
    for n, measurements in enumerate(known):
        images += store([pictures.jpeg() + bytes([n])], measurements=measurements)
    ids = [image.id for image in images]
    objects.put(keys.vectors(job.id, "palette", "p"), to_parquet(ids[1::2], np.eye(2), "1"))
    return ids


def table_of(export_job: Any) -> Any:
    return parquet.read_table(io.BytesIO(file_of(export_job, "images.parquet")))


@pytest.mark.role("crawlset_worker")
class TestExport:
    def test_has_measures_in_the_manifest(
        self, session: Session, job: CrawlJob, measured: list[int]
    ) -> None:
        export_job = factories.create_export_job(session, job, export_options=TRAIN)

        export(export_job)

        found = {line["image_id"]: line["measures"] for line in manifest_of(export_job)}
        assert [found[id_] for id_ in measured] == [
            {},
            {"palette": MEASURES, "text": {"area": 0.5}},
            {},
            {"palette": MEASURES},
        ]

    def test_has_measures_in_parquet(
        self, session: Session, job: CrawlJob, measured: list[int]
    ) -> None:
        export_job = factories.create_export_job(
            session, job, format="parquet", export_options=TRAIN
        )

        export(export_job)

        body = file_of(export_job, "data/train-00000-of-00001.parquet")
        rows = parquet.read_table(io.BytesIO(body), columns=["image_id", "measures"]).to_pylist()
        found = {row["image_id"]: row["measures"] for row in rows}
        assert json.loads(found[measured[1]])["palette"] == MEASURES
        assert found[measured[0]] == ""

    def test_has_no_table_unless_it_is_asked_for(
        self, session: Session, job: CrawlJob, measured: list[int]
    ) -> None:
        export_job = factories.create_export_job(session, job, export_options=TRAIN)

        export(export_job)

        names = objects.list_keys(keys.export_file(export_job.id, ""))
        assert not [name for name in names if name.endswith(".parquet")]


@pytest.mark.role("crawlset_worker")
class TestImagesTable:
    @pytest.mark.parametrize("name", ["imagefolder", "csv", "parquet"])
    def test_has_a_row_for_each_image_and_a_column_for_each_measure(
        self, session: Session, job: CrawlJob, measured: list[int], name: str
    ) -> None:
        options = TRAIN | {"images_table": {}}
        export_job = factories.create_export_job(session, job, format=name, export_options=options)

        export(export_job)

        rows = {row["image_id"]: row for row in table_of(export_job).to_pylist()}
        assert set(rows) == set(measured)
        one = rows[measured[1]]
        assert (one["palette.colourfulness"], one["text.area"]) == (31.5, 0.5)
        assert (one["split"], one["class"], one["width"]) == ("train", "cat", 640)
        assert rows[measured[0]]["palette.colourfulness"] is None
        assert "palette.vector" not in one

    def test_has_the_vectors_asked_for_of_the_version_that_is_deployed(
        self, session: Session, job: CrawlJob, measured: list[int]
    ) -> None:
        options = TRAIN | {"images_table": {"vectors": ["palette"]}}
        export_job = factories.create_export_job(session, job, export_options=options)

        export(export_job)

        table = table_of(export_job)
        assert str(table.schema.field("palette.vector").type).startswith("fixed_size_list<")
        found = {row["image_id"]: row["palette.vector"] for row in table.to_pylist()}
        assert [found[id_] for id_ in measured] == [None, [1.0, 0.0], None, None]

    def test_has_the_vectors_though_a_measure_is_called_so(
        self, session: Session, job: CrawlJob, measured: list[int]
    ) -> None:
        measures = MEASURES | {"vector": 7.0}
        session.get_one(Image, measured[1]).measurements = {
            "palette": PALETTE | {"measures": measures}
        }
        session.flush()
        options = TRAIN | {"images_table": {"vectors": ["palette"]}}
        export_job = factories.create_export_job(session, job, export_options=options)

        export(export_job)

        found = {row["image_id"]: row["palette.vector"] for row in table_of(export_job).to_pylist()}
        assert found[measured[1]] == [1.0, 0.0]

    def test_has_nulls_where_the_vectors_are_gone(
        self, session: Session, job: CrawlJob, measured: list[int]
    ) -> None:
        objects.delete_all(f"jobs/{job.id}/vectors/")
        options = TRAIN | {"images_table": {"vectors": ["palette"]}}
        export_job = factories.create_export_job(session, job, export_options=options)

        export(export_job)

        assert table_of(export_job).column("palette.vector").null_count == len(measured)


@pytest.mark.parametrize(
    ("table", "status"),
    [
        ({}, 201),
        ({"vectors": ["palette"]}, 201),
        ({"vectors": ["stranger"]}, 422),
        ({"vectors": ["../x"]}, 422),
        ({"vectors": ["palette"] * 6}, 422),
    ],
    ids=["measures", "vectors", "unknown", "no name", "many"],
)
def test_answers_422_for_vectors_that_nobody_makes(
    profile: Profile, path: str, table: dict[str, Any], status: int
) -> None:
    body = {"format": "csv", "export_options": {"images_table": table}}

    answered, told = Api(profile.id).call("POST", path, body)

    assert answered == status, told
