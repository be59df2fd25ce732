"""What is kept of the answers of measurers, whatever they are."""

import json
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, Image, JobChunk, JobStatus, Profile
from crawlset.outcomes import ImageStatus
from crawlset.wire.measurements import MeasurementBatch
from tests import factories
from tests.integration.api import Api
from tests.integration.validation.measurers import (
    FUNCTIONS,
    Answer,
    Deploy,
    Scores,
    measurements,
    rule,
    saying,
    stored,
    validated,
)
from tests.integration.validation.steps import step, verdicts

pytestmark = pytest.mark.usefixtures("bucket", "deploy")


@pytest.mark.role("crawlset_worker")
class TestMeasurements:
    def test_are_kept_with_the_image(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        stored(session, chunk, 1)
        answer = {"measures": {"score": 0.25}, "details": {"text": "é"}}

        validated(session, job, saying(lambda _: answer), measurers=["palette"])

        assert measurements(session) == [{"palette": {"version": "1"} | answer}]

    def test_of_another_version_are_made_anew(
        self, session: Session, job: CrawlJob, chunk: JobChunk, deploy: Deploy
    ) -> None:
        stored(session, chunk, 2)
        validated(session, job, Scores(0.1, 0.1), rule())
        deploy(f"palette@2={FUNCTIONS}:stack-palette")

        found = validated(session, job, Scores(0.9, 0.1), rule())

        assert [one.verdict for one in found] == ["keep", "reject"]
        assert {one["palette"]["version"] for one in measurements(session)} == {"2"}

    def test_are_made_of_what_is_missing(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        stored(session, chunk, 2)
        validated(session, job, Scores(0.1, 0.9), rule())
        (new,) = stored(session, chunk, 1)
        measurer = Scores(0.1)

        found = validated(session, job, measurer, rule())

        assert measurer.asked == [[new]]
        assert [one.verdict for one in found] == ["reject", "keep", "reject"]

    def test_that_failed_are_tried_again(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        stored(session, chunk, 1)
        validated(session, job, saying(lambda _: {"error": "no"}), rule())

        (found,) = validated(session, job, Scores(0.9), rule())

        assert found.verdict == "keep"

    def test_that_are_there_already_outlive_a_failure(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        stored(session, chunk, 2)

        def measurer(event: dict[str, Any]) -> Answer:
            # Another validation is faster.
            validated(session, job, Scores(0.1, 0.9, vectors=[[1, 0], [1, 0]]), rule())
            raise TimeoutError

        found = validated(session, job, measurer, rule())

        assert [one.verdict for one in found] == ["reject", "keep"]
        assert [one["palette"]["neighbours"] for one in measurements(session)] == [1, 1]

    def test_of_several_measurers_stand_side_by_side(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        stored(session, chunk, 1)
        asked: list[str] = []

        def measurer(event: dict[str, Any]) -> Answer:
            batch = MeasurementBatch.from_json(objects.get(event["key"]))
            asked.append(f"{batch.measurer} {batch.version}")
            return {"images": [{"image_id": batch.images[0].image_id, "measures": {"x": 1}}]}

        validated(session, job, measurer, rule("own", "x"), measurers=["palette", "plain"])

        assert asked == ["palette 1", "plain ", "own 7"]
        assert set(measurements(session)[0]) == {"palette", "plain", "own"}

    @pytest.mark.parametrize(
        "status", [ImageStatus.pending, ImageStatus.refused, ImageStatus.duplicate]
    )
    def test_are_forgotten_when_the_image_is_not_stored_any_more(
        self, session: Session, job: CrawlJob, chunk: JobChunk, status: ImageStatus
    ) -> None:
        (id_,) = stored(session, chunk, 1)
        validated(session, job, Scores(0.9), rule())
        image = session.get_one(Image, id_)

        image.status = status
        image.outcome = None if status is ImageStatus.pending else image.outcome
        session.flush()

        assert measurements(session) == [None]

    def test_of_bytes_that_are_not_there_any_more_are_dropped(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        (id_,) = stored(session, chunk, 1)

        def measurer(event: dict[str, Any]) -> Answer:
            session.get_one(Image, id_).sha256 = b"\1" * 32
            session.flush()
            return Scores(0.9)(event)

        (found,) = validated(session, job, measurer, rule())

        assert (measurements(session), found.verdict) == ([None], "error")

    def test_are_the_same_when_every_step_runs_twice(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        stored(session, chunk, 2)
        measurer = Scores(0.1, 0.9, vectors=[[1, 0], [0.6, 0.8]])

        found = validated(session, job, measurer, rule(), times=2)

        assert [len(one.findings) for one in found] == [1, 0]
        assert [one["palette"]["measures"]["score"] for one in measurements(session)] == [0.1, 0.9]
        assert len(list(objects.list_keys(f"jobs/{job.id}/vectors/palette/"))) == 1


@pytest.mark.role("crawlset_worker")
class TestAnswer:
    @pytest.mark.parametrize(
        "answer",
        ["rubbish", None, {"images": 7}, [], {"answer": "jobs/of/others"}],
        ids=["text", "nothing", "no list", "list", "another key"],
    )
    def test_that_makes_no_sense_is_an_error_of_its_batch(
        self, session: Session, job: CrawlJob, chunk: JobChunk, answer: Any
    ) -> None:
        stored(session, chunk, 2)

        found = validated(session, job, lambda _: answer, rule())

        assert [one.verdict for one in found] == ["error", "error"]
        assert found[0].findings[0]["detail"].startswith("The answer of palette at /")

    @pytest.mark.parametrize(
        "item",
        [
            pytest.param({"measures": {"score": float("nan")}}, id="nan"),
            pytest.param({"measures": {"score": 1e300}}, id="large"),
            pytest.param({"measures": {"score": "much"}}, id="text"),
            pytest.param({"measures": {"Score!": 1}}, id="name"),
            pytest.param({"measures": {f"m{n}": 1 for n in range(33)}}, id="many"),
            pytest.param({"measures": {}, "details": {"text": "\0"}}, id="nul"),
            pytest.param({"measures": {}, "details": {"text": "\ud800"}}, id="half a letter"),
            pytest.param({"measures": {}, "details": {"text": "x" * 5_000}}, id="long details"),
            pytest.param({"measures": {}, "vector": -1}, id="vector"),
            pytest.param({"error": "odd\0\ud800"}, id="odd error"),
        ],
    )
    def test_that_makes_no_sense_of_one_image_costs_no_other(
        self, session: Session, job: CrawlJob, chunk: JobChunk, item: Answer
    ) -> None:
        stored(session, chunk, 3)
        sound: Answer = {"measures": {"score": 0.9}}

        found = validated(session, job, saying(lambda place: item if place == 1 else sound), rule())

        assert [one.verdict for one in found] == ["keep", "error", "keep"]

    def test_without_an_image_is_an_error_of_that_image(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        first, _ = stored(session, chunk, 2)
        answer = {"images": [{"image_id": first, "measures": {"score": 1}}, 7, {"image_id": "x"}]}

        found = validated(session, job, lambda _: answer, rule())

        assert [one.verdict for one in found] == ["keep", "error"]
        assert found[1].findings[0]["detail"] == "palette said nothing of it."

    def test_about_images_of_others_changes_nothing(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        (other,) = stored(session, factories.create_chunk(session, job), 1, width=3)
        stored(session, chunk, 1)
        answer = {"images": [{"image_id": other, "measures": {"score": 1}}]}

        validated(session, job, lambda _: answer, rule(), {"check": "width", "params": {"min": 9}})

        assert measurements(session)[0] is None

    def test_may_lie_in_the_bucket(self, session: Session, job: CrawlJob, chunk: JobChunk) -> None:
        stored(session, chunk, 2)
        scores = Scores(0.1, 0.9)

        def measurer(event: dict[str, Any]) -> Answer:
            batch = MeasurementBatch.from_json(objects.get(event["key"]))
            objects.put(batch.answer, json.dumps(scores(event)).encode())
            return {"answer": batch.answer}

        found = validated(session, job, measurer, rule())

        assert [one.verdict for one in found] == ["reject", "keep"]

    @pytest.mark.parametrize("body", [b"{", b"[" * 100_000, None], ids=["half", "deep", "none"])
    def test_in_the_bucket_that_makes_no_sense_is_an_error(
        self, session: Session, job: CrawlJob, chunk: JobChunk, body: bytes | None
    ) -> None:
        stored(session, chunk, 1)

        def measurer(event: dict[str, Any]) -> Answer:
            batch = MeasurementBatch.from_json(objects.get(event["key"]))
            if body is not None:
                objects.put(batch.answer, body)
            return {"answer": batch.answer}

        (found,) = validated(session, job, measurer, rule())

        assert found.verdict == "error"

    @pytest.mark.parametrize("error", ["States.Timeout", "States.DataLimitExceeded"])
    def test_that_never_came_is_an_error_and_ends_well(
        self, session: Session, job: CrawlJob, chunk: JobChunk, error: str
    ) -> None:
        stored(session, chunk, 1)
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": [rule()]}
        )
        step(validation_job, "evaluate")
        (batch,) = step(validation_job, "measure")["batches"]

        step(validation_job, "keep", index=batch["index"], error={"Error": error, "Cause": ""})
        step(validation_job, "decide")
        step(validation_job, "finish")

        session.refresh(validation_job)
        assert (validation_job.status, validation_job.n_errors) == (JobStatus.completed, 1)
        (verdict,) = verdicts(session, validation_job).values()
        assert verdict.findings[0]["detail"] == f"palette ended with {error}."
        assert batch["measurer"] == f"{FUNCTIONS}:stack-palette"

    def test_that_is_an_exception_says_which(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        stored(session, chunk, 1)

        def measurer(event: dict[str, Any]) -> Answer:
            raise FileNotFoundError("The model is missing.")

        (found,) = validated(session, job, measurer, rule())

        assert found.findings[0]["detail"] == (
            "palette ended with FileNotFoundError: The model is missing."
        )


def test_an_image_shows_its_measurements_beside_its_scores(
    session: Session, job: CrawlJob, chunk: JobChunk, profile: Profile
) -> None:
    known = {"version": "1", "measures": {"score": 0.25}, "part": "a part", "neighbours": 3}
    (id_,) = stored(
        session,
        chunk,
        1,
        scores={"blur": 0.5},
        measurements={"a": known, "b": {"version": "2", "error": "no"}},
    )

    status, body = Api(profile.id).call(
        "GET", f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/images/{id_}"
    )

    assert (status, body["scores"]) == (200, {"blur": 0.5})
    del known["part"]
    nothing: Answer = {"measures": {}, "details": {}, "error": None, "neighbours": None}
    assert body["measurements"] == {
        "a": nothing | known,
        "b": nothing | {"version": "2", "error": "no"},
    }
