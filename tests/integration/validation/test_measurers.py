"""Measurers: what rules may ask of them, and how they decide."""

import io
from typing import Any

import pytest
from PIL import Image as Picture
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, JobChunk, Profile, ValidationJob
from crawlset.validation import custom
from crawlset.wire.measurements import MeasurementBatch
from functions.palette import app as palette
from functions.thumbnail import app as thumbnail
from tests import factories
from tests.integration.api import Api
from tests.integration.validation.measurers import (
    Answer,
    Deploy,
    Scores,
    never,
    rule,
    saying,
    stored,
    validated,
)
from tests.integration.validation.steps import validate
from tests.invocations import CONTEXT, reader, request

pytestmark = pytest.mark.usefixtures("bucket", "deploy")


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

        found = validated(
            session, job, Scores(*scores), rule("palette", "score", "reject", **limits)
        )

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


class TestReport:
    @pytest.fixture
    def done(self, session: Session, job: CrawlJob, chunk: JobChunk) -> ValidationJob:
        stored(session, chunk, 4)
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": [rule(below=0.5)], "measurers": ["own"]}
        )

        def measurer(event: dict[str, Any]) -> Answer:
            batch = MeasurementBatch.from_json(objects.get(event["key"]))
            return Scores(*([0.2, 0.4, 0.6, 0.8] if batch.measurer == "palette" else [7] * 4))(
                event
            )

        validate(validation_job, measurer=measurer)
        return validation_job

    def test_has_histograms_from_the_least_to_the_most(
        self, profile: Profile, path: str, done: ValidationJob
    ) -> None:
        status, body = Api(profile.id).call("GET", f"{path}/{done.id}/report")

        assert status == 200
        found = body["histograms"]
        assert (found["palette.score"]["edges"][0], found["palette.score"]["edges"][-1]) == (
            0.2,
            0.8,
        )
        counts = found["palette.score"]["counts"]
        assert [place for place, n in enumerate(counts) if n] == [0, 6, 13, 19]
        assert found["own.score"]["counts"] == [4] + [0] * 19

    def test_shows_them_in_words(
        self, job: CrawlJob, profile: Profile, path: str, done: ValidationJob
    ) -> None:
        event = request("GET", f"{path}/{done.id}/report.html", reader(job.user_id))

        page = thumbnail.handler(event, CONTEXT)["body"]

        assert "Histogram of palette&#39;s score" in page
        assert "palette&#39;s score of at least 0.5" in page
        assert "palette&#39;s score 0.2, at least 0.5 wanted" in page


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
