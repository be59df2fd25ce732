"""Measurers: what they are asked, what is kept of their answers, and rules about it."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from pyarrow import parquet
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.kit import objects
from crawlset.models import CrawlJob, Image, ImageVerdict, JobChunk, JobStatus, Profile
from crawlset.outcomes import ImageStatus
from crawlset.validation import custom
from crawlset.wire.measurements import MeasurementBatch
from functions.palette import app as palette
from tests import factories
from tests.integration.api import Api
from tests.integration.validation.steps import step, validate, verdicts
from tests.invocations import CONTEXT

FUNCTIONS = "arn:aws:lambda:us-east-1:123456789012:function"
DEPLOYED = f"palette@1={FUNCTIONS}:stack-palette,{FUNCTIONS}:own:7,{FUNCTIONS}:plain,"
Answer = dict[str, Any]
Measurer = Callable[[dict[str, Any]], Any]
Deploy = Callable[[str], None]

pytestmark = pytest.mark.usefixtures("bucket", "deploy")


@pytest.fixture
def deploy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deploy]:
    def deploy(arns: str) -> None:
        monkeypatch.setenv("MEASURER_ARNS", arns)
        settings.measurer_settings.cache_clear()

    deploy(DEPLOYED)
    yield deploy
    settings.measurer_settings.cache_clear()


def rule(measurer: str = "palette", measure: str = "score", **limits: Any) -> dict[str, Any]:
    severity = {"severity": limits.pop("severity", "reject")}
    params = {"measurer": measurer, "measure": measure, **(limits or {"below": 0.5})}
    return {"check": "measure", "params": params} | severity


class Scores:
    """A measurer that gives each image in turn a score; remembers the ids that it was asked for."""

    def __init__(self, *scores: float, vectors: list[list[float]] | None = None) -> None:
        self.scores, self.vectors = scores, vectors
        self.asked: list[list[int]] = []
        self.ids: list[int] = []

    def __call__(self, event: dict[str, Any]) -> Answer:
        batch = MeasurementBatch.from_json(objects.get(event["key"]))
        self.asked.append([image.image_id for image in batch.images])
        told: list[Answer] = []
        for row, image in enumerate(batch.images):
            if image.image_id not in self.ids:
                self.ids.append(image.image_id)
            place = self.ids.index(image.image_id)
            told.append({"image_id": image.image_id, "measures": {"score": self.scores[place]}})
            if self.vectors is not None:
                told[-1]["vector"] = row
        if self.vectors is not None:
            rows = [self.vectors[self.ids.index(image.image_id)] for image in batch.images]
            objects.put(batch.vectors, npy(np.array(rows, np.float32)))
        return {"images": told}


def npy(rows: np.ndarray) -> bytes:
    body = io.BytesIO()
    np.save(body, rows, allow_pickle=True)
    return body.getvalue()


def saying(make: Callable[[int], Answer]) -> Measurer:
    """A measurer that says of each image what `make` gives for its place in the batch."""

    def measurer(event: dict[str, Any]) -> Answer:
        batch = MeasurementBatch.from_json(objects.get(event["key"]))
        return {
            "images": [
                {"image_id": image.image_id} | make(place)
                for place, image in enumerate(batch.images)
            ]
        }

    return measurer


def never(event: dict[str, Any]) -> Answer:
    raise AssertionError("nothing was to be measured")


def validated(
    session: Session,
    job: CrawlJob,
    measurer: Measurer,
    *rules: dict[str, Any],
    times: int = 1,
    **more: Any,
) -> list[ImageVerdict]:
    """Verdicts by image id."""
    validation_job = factories.create_validation_job(
        session, job, validation_rules={"rules": list(rules)} | more
    )
    validate(validation_job, measurer=measurer, times=times)
    session.refresh(validation_job)
    assert validation_job.status is JobStatus.completed
    found = verdicts(session, validation_job)
    return [found[id_] for id_ in sorted(found)]


def stored(session: Session, chunk: JobChunk, n: int, **more: Any) -> list[int]:
    return [factories.create_image(session, chunk, **more).id for _ in range(n)]


def measurements(session: Session) -> list[Any]:
    session.expire_all()
    return list(session.scalars(select(Image.measurements).order_by(Image.id)))


class TestCreate:
    @pytest.mark.parametrize(
        ("rules", "pointer"),
        [
            pytest.param({"rules": [rule("stranger")]}, "/validation_rules", id="a rule"),
            pytest.param(
                {"measurers": ["stranger"]}, "/validation_rules/measurers", id="measurers"
            ),
        ],
    )
    def test_answers_422_for_a_measurer_that_is_not_there(
        self, profile: Profile, path: str, rules: dict[str, Any], pointer: str
    ) -> None:
        status, body = Api(profile.id).call("POST", path, {"validation_rules": rules})

        assert (status, body["code"]) == (422, "UnknownMeasurerError")
        assert body["detail"] == (
            "There is no measurer 'stranger' here; allowed: own, palette, plain."
        )
        assert body["errors"][0]["pointer"] == pointer

    @pytest.mark.parametrize(
        "params",
        [
            pytest.param({}, id="no limit"),
            pytest.param({"below": 2, "above": 1}, id="nothing left"),
            pytest.param({"below": "x"}, id="no number"),
            pytest.param({"below": 1e300}, id="too large"),
            pytest.param({"below": 1, "measure": "Not A Name"}, id="no name"),
            pytest.param({"below": 1, "measurer": "a b"}, id="no measurer"),
        ],
    )
    def test_answers_422_for_what_no_rule_can_be(
        self, profile: Profile, path: str, params: dict[str, Any]
    ) -> None:
        wrong = {"check": "measure", "params": {"measurer": "palette", "measure": "x"} | params}

        status, _ = Api(profile.id).call("POST", path, {"validation_rules": {"rules": [wrong]}})

        assert status == 422

    def test_takes_rules_and_measurers(self, profile: Profile, path: str) -> None:
        rules = {"rules": [rule()], "measurers": ["own"]}

        status, body = Api(profile.id).call("POST", path, {"validation_rules": rules})

        assert status == 201
        assert body["validation_rules"]["measurers"] == ["own"]


@pytest.mark.role("crawlset_worker")
class TestRule:
    def test_decides_by_what_was_measured(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        stored(session, chunk, 3)

        found = validated(session, job, Scores(0.2, 0.5, 0.9), rule(below=0.5))

        assert [one.verdict for one in found] == ["reject", "keep", "keep"]
        assert (found[0].rule, found[0].measured, found[0].threshold) == ("measure", 0.2, 0.5)

    @pytest.mark.parametrize(
        ("limits", "kept"),
        [
            ({"below": 0.5}, [0.5, 0.9]),
            ({"above": 0.5}, [0.2, 0.5]),
            ({"below": 0.3, "above": 0.6}, [0.5]),
            ({"below": 0.5, "above": 0.5}, [0.5]),
            ({"below": -1}, [0.2, 0.5, 0.9]),
        ],
        ids=["below", "above", "between", "exactly", "negative"],
    )
    def test_keeps_what_is_between_the_limits(
        self,
        session: Session,
        job: CrawlJob,
        chunk: JobChunk,
        limits: dict[str, float],
        kept: list[float],
    ) -> None:
        stored(session, chunk, 3)
        scores = (0.2, 0.5, 0.9)

        found = validated(session, job, Scores(*scores), rule(**limits))

        verdict_of = dict(zip(scores, found, strict=True))
        assert [score for score in scores if verdict_of[score].verdict == "keep"] == kept

    def test_decides_again_without_measuring(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        stored(session, chunk, 3)
        validated(session, job, Scores(0.2, 0.5, 0.9), rule(below=0.5))

        found = validated(session, job, never, rule(below=0.6))

        assert [one.verdict for one in found] == ["reject", "reject", "keep"]

    def test_decides_after_the_others_about_what_they_left(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        (out,) = stored(session, chunk, 1, width=3)
        (left,) = stored(session, chunk, 1)
        measurer = Scores(0.1)

        found = validated(session, job, measurer, rule(), {"check": "width", "params": {"min": 9}})

        assert measurer.asked == [[left]]
        assert [(one.image_id, one.rule) for one in found] == [(out, "width"), (left, "measure")]

    @pytest.mark.parametrize(
        ("severity", "broken", "unknown"),
        [
            ("reject", "reject", "error"),
            ("quarantine", "quarantine", "error"),
            ("tag", "keep", "keep"),
        ],
    )
    def test_lets_the_severity_decide(
        self,
        session: Session,
        job: CrawlJob,
        chunk: JobChunk,
        severity: str,
        broken: str,
        unknown: str,
    ) -> None:
        stored(session, chunk, 2)
        answers: list[Answer] = [{"measures": {"score": 0.1}}, {"error": "too odd"}]

        found = validated(session, job, saying(answers.__getitem__), rule(severity=severity))

        assert [one.verdict for one in found] == [broken, unknown]
        assert found[1].findings[0]["detail"] == "too odd"

    @pytest.mark.parametrize(
        ("answer", "detail"),
        [
            pytest.param(
                {"measures": {"b": 1, "a": 1}},
                "palette measures no score, but a, b.",
                id="other measures",
            ),
            pytest.param({}, "palette has measured nothing of it.", id="no measures"),
        ],
    )
    def test_says_that_a_measure_is_not_there(
        self, session: Session, job: CrawlJob, chunk: JobChunk, answer: Answer, detail: str
    ) -> None:
        stored(session, chunk, 1)

        (found,) = validated(session, job, saying(lambda _: answer), rule())

        assert (found.verdict, found.findings[0]["detail"]) == ("error", detail)

    def test_goes_on_with_what_is_known_of_a_measurer_that_is_gone(
        self, session: Session, job: CrawlJob, chunk: JobChunk, deploy: Deploy
    ) -> None:
        stored(session, chunk, 1)
        validated(session, job, Scores(0.2), rule(below=0.5))
        stored(session, chunk, 1)
        deploy("")

        found = validated(session, job, never, rule(below=0.5))

        assert [one.verdict for one in found] == ["reject", "error"]
        assert found[1].findings[0]["detail"] == "palette has measured nothing of it."


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
        for name in ("evaluate", "deduplicate", "cluster"):
            step(validation_job, name)
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


@pytest.mark.role("crawlset_worker")
class TestBatches:
    def test_are_of_so_many_images(
        self, session: Session, job: CrawlJob, chunk: JobChunk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(custom, "MIN_IMAGES", 2)
        ids = stored(session, chunk, 5)
        measurer = Scores(*[0.9] * 5)

        validated(session, job, measurer, rule())

        assert measurer.asked == [ids[:2], ids[2:4], ids[4:]]

    def test_that_no_execution_could_hold_are_refused(
        self, session: Session, job: CrawlJob, chunk: JobChunk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(custom, "MAX_BATCHES", 1)
        monkeypatch.setattr(custom, "MAX_IMAGES", 1)
        stored(session, chunk, 2)

        with pytest.raises(Exception) as raised:
            validated(session, job, never, rule())

        assert type(raised.value).__name__ == "TooManyImagesError"


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


def drawn(*colours: tuple[int, int, int]) -> list[bytes]:
    bodies = []
    for colour in colours:
        body = io.BytesIO()
        Picture.new("RGB", (40, 40), colour).save(body, "PNG")
        bodies.append(body.getvalue())
    return bodies


@pytest.mark.role("crawlset_worker")
def test_the_sample_finds_the_stranger_by_its_colours(
    session: Session, job: CrawlJob, chunk: JobChunk
) -> None:
    reds = [(200 + n, 0, 0) for n in range(4)]
    bodies = [*drawn(*reds, (0, 0, 250)), b"no picture"]
    pack = b""
    for body in bodies:
        image = factories.create_image(
            session, chunk, pack_offset=len(pack), pack_length=len(body), format="png"
        )
        pack += body
    assert image.pack_key is not None
    objects.put(image.pack_key, pack)

    found = validated(
        session,
        job,
        lambda event: palette.handler(event, CONTEXT),
        rule(measure="nearness", below=0.5),
    )

    assert [one.verdict for one in found] == [*["keep"] * 4, "reject", "error"]
    assert found[5].findings[0]["detail"] == "not_image: no image signature"


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
    nothing = {"measures": {}, "details": {}, "error": None, "neighbours": None}
    assert body["measurements"] == {
        "a": nothing | known,
        "b": nothing | {"version": "2", "error": "no"},
    }
