"""Vectors of measurers: kept, compared within a keyword, and never trusted."""

import io
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, JobChunk
from crawlset.wire.measurements import MeasurementBatch
from tests.integration.validation.measurers import (
    Answer,
    Scores,
    measurements,
    never,
    npy,
    rule,
    stored,
    validated,
)

pytestmark = pytest.mark.usefixtures("bucket", "deploy")


@pytest.mark.role("crawlset_worker")
class TestVectors:
    def test_are_kept_beside_the_packs(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        ids = stored(session, chunk, 2)

        validated(session, job, Scores(1, 1, vectors=[[1, 0], [0.6, 0.8]]), measurers=["palette"])

        (key,) = objects.list_keys(f"jobs/{job.id}/vectors/palette/")
        table = parquet.read_table(io.BytesIO(objects.get(key)))
        assert table.column("image_id").to_pylist() == ids
        assert np.array(table.column("vector").to_pylist()) == pytest.approx(
            np.array([[1, 0], [0.6, 0.8]]), abs=1e-3
        )
        assert key.endswith(".parquet")

    def test_measure_how_near_pictures_of_a_keyword_are(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        cats = stored(session, chunk, 3, keyword="cat")
        (dog,) = stored(session, chunk, 1, keyword="dog")
        measurer = Scores(1, 1, 1, 1, vectors=[[1, 0], [1, 0], [0, 1], [1, 0]])

        found = validated(
            session, job, measurer, rule(measure="nearness", below=0.4, severity="quarantine")
        )

        assert [one.verdict for one in found] == ["keep", "keep", "quarantine", "error"]
        near = {
            id_: one["palette"]
            for id_, one in zip([*cats, dog], measurements(session), strict=True)
        }
        assert [near[id_]["measures"]["nearness"] for id_ in cats] == [0.5, 0.5, 0]
        assert [near[id_]["neighbours"] for id_ in [*cats, dog]] == [2, 2, 2, 0]
        assert found[3].findings[0]["detail"] == "palette measures no nearness, but score."

    def test_measure_how_much_nearer_they_are_to_their_own_keyword(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        stored(session, chunk, 3, keyword="cat")
        stored(session, chunk, 2, keyword="dog")
        measurer = Scores(1, 1, 1, 1, 1, vectors=[[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]])

        found = validated(
            session, job, measurer, rule(measure="margin", below=0, severity="quarantine")
        )

        margins = [one["palette"]["measures"]["margin"] for one in measurements(session)]
        assert margins == [0.5, 0.5, -1, 0.666667, 0.666667]
        assert [one.verdict for one in found] == ["keep", "keep", "quarantine", "keep", "keep"]

    def test_have_no_margin_without_another_keyword(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        stored(session, chunk, 2, keyword="cat")
        stored(session, chunk, 2, keyword=None)
        measurer = Scores(1, 1, 1, 1, vectors=[[1, 0], [1, 0], [0, 1], [0, 1]])

        validated(session, job, measurer, measurers=["palette"])

        found = [one["palette"]["measures"] for one in measurements(session)]
        assert [one.get("margin") for one in found] == [None] * 4
        assert [one["nearness"] for one in found] == [1, 1, 1, 1]

    def test_are_compared_anew_when_others_come(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        stored(session, chunk, 2)
        validated(session, job, Scores(1, 1, vectors=[[1, 0], [0, 1]]), measurers=["palette"])
        stored(session, chunk, 1)

        validated(session, job, Scores(1, vectors=[[0, 1]]), measurers=["palette"])

        found = [one["palette"]["measures"]["nearness"] for one in measurements(session)]
        assert found == [0, 0.5, 0.5]

    def test_are_read_once(
        self, session: Session, job: CrawlJob, chunk: JobChunk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stored(session, chunk, 2)
        nearness = rule(measure="nearness", below=0.4)
        validated(session, job, Scores(1, 1, vectors=[[1, 0], [0, 1]]), nearness)
        monkeypatch.setattr(objects, "get", never)

        found = validated(session, job, never, rule(measure="nearness", below=-1))

        assert [one.verdict for one in found] == ["keep", "keep"]

    def test_of_a_part_that_is_gone_count_for_nothing(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        stored(session, chunk, 2)
        validated(session, job, Scores(1, 1, vectors=[[1, 0], [0, 1]]), measurers=["palette"])
        objects.delete_all(f"jobs/{job.id}/vectors/")
        stored(session, chunk, 2)

        validated(session, job, Scores(1, 1, vectors=[[1, 0], [1, 0]]), measurers=["palette"])

        found = [one["palette"] for one in measurements(session)]
        assert [one["measures"].get("nearness") for one in found] == [None, None, 1, 1]
        assert [one["neighbours"] for one in found] == [0, 0, 1, 1]

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(None, id="missing"),
            pytest.param(b"rubbish", id="rubbish"),
            pytest.param(npy(np.array([[object()]])), id="pickle"),
            pytest.param(npy(np.zeros((2, 2), np.float64)), id="float64"),
            pytest.param(npy(np.zeros(4, np.float32)), id="one dimension"),
            pytest.param(npy(np.zeros((2, 5_000), np.float32)), id="too long"),
            pytest.param(npy(np.zeros((1_001, 2), np.float32)), id="too many"),
            pytest.param(npy(np.zeros((2, 2), np.float32))[:-1], id="cut"),
            pytest.param(npy(np.asfortranarray(np.zeros((2, 2), np.float32))), id="columns"),
            pytest.param(npy(np.zeros((1, 2), np.float32)), id="a row is missing"),
            pytest.param(npy(np.full((2, 2), np.nan, np.float32)), id="no numbers"),
            pytest.param(npy(np.full((2, 2), 1e9, np.float32)), id="large numbers"),
            pytest.param(
                b"\x93NUMPY\x01\x00\xff\xff" + b"{'a': " + b"[" * 65_529, id="a huge header"
            ),
        ],
    )
    def test_that_cannot_be_read_are_an_error_of_their_images(
        self, session: Session, job: CrawlJob, chunk: JobChunk, body: bytes | None
    ) -> None:
        stored(session, chunk, 2)

        def measurer(event: dict[str, Any]) -> Answer:
            batch = MeasurementBatch.from_json(objects.get(event["key"]))
            if body is not None:
                objects.put(batch.vectors, body)
            first, second = batch.images
            score = {"measures": {"score": 1}}
            return {
                "images": [
                    {"image_id": first.image_id} | score,
                    {"image_id": second.image_id, "vector": 1} | score,
                ]
            }

        found = validated(session, job, measurer, rule())

        assert [one.verdict for one in found] == ["keep", "error"]
