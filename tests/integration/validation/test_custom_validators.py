"""Validators of a deployment's own: what they are given, and what becomes of what they say."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image as Picture
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.kit import objects
from crawlset.models import CrawlJob, ImageVerdict, JobChunk, JobStatus, Profile
from crawlset.validation import custom
from crawlset.wire.validators import Batch
from functions.colourfulness import app as colourfulness
from tests import factories
from tests.integration.api import Api
from tests.integration.validation.steps import Validator, step, validate, verdicts
from tests.invocations import CONTEXT
from tests.mortal_decoder import DEADLY

ARN = "arn:aws:lambda:us-east-1:123456789012:function:colourfulness"
RULE = {"check": "custom", "params": {"validator": "colourfulness", "parameters": {"below": 20}}}

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.fixture(autouse=True)
def _allowed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("VALIDATOR_ARNS", f"{ARN},")
    settings.validator_settings.cache_clear()
    yield
    settings.validator_settings.cache_clear()


def colour(red: int, green: int, blue: int) -> bytes:
    """Half of it grey, half of this colour."""
    picture = Picture.new("RGB", (40, 40), (128, 128, 128))
    picture.paste((red, green, blue), (0, 0, 20, 40))
    body = io.BytesIO()
    picture.save(body, "PNG")
    return body.getvalue()


def store(session: Session, chunk: JobChunk, *bodies: bytes) -> list[int]:
    """Images one behind the other in one pack; their ids."""
    ids, pack = [], b"\0" * 512
    for body in bodies:
        image = factories.create_image(
            session, chunk, pack_offset=len(pack), pack_length=len(body), format="png"
        )
        ids.append(image.id)
        pack += body
        assert image.pack_key is not None
        objects.put(image.pack_key, pack)
    return ids


def judged(
    session: Session,
    job: CrawlJob,
    validator: Validator,
    rule: dict[str, Any] = RULE,
    *,
    times: int = 1,
) -> list[ImageVerdict]:
    validation_job = factories.create_validation_job(
        session, job, validation_rules={"rules": [rule]}
    )
    validate(validation_job, validator, times=times)
    found = verdicts(session, validation_job)
    return [found[id_] for id_ in sorted(found)]


def sample(event: dict[str, Any]) -> dict[str, Any]:
    return colourfulness.handler(event, CONTEXT)


def answering(**judgement: Any) -> Validator:
    """Says this of every image."""

    def validator(event: dict[str, Any]) -> dict[str, Any]:
        batch = Batch.from_json(objects.get(event["key"]))
        return {"images": [{"image_id": image.image_id} | judgement for image in batch.images]}

    return validator


class TestCreate:
    @pytest.fixture
    def path(self, job: CrawlJob) -> str:
        return f"/api/projects/{job.project_id}/crawl-jobs/{job.id}"

    @pytest.mark.parametrize("route", ["validation-jobs", "pipeline"])
    def test_answers_422_for_a_validator_that_is_not_allowed(
        self, profile: Profile, path: str, route: str
    ) -> None:
        rule = {"check": "custom", "params": {"validator": "stranger"}}

        status, body = Api(profile.id).call(
            "POST", f"{path}/{route}", {"validation_rules": {"rules": [rule]}}
        )

        assert (status, body["code"]) == (422, "UnknownValidatorError")
        assert body["detail"] == "There is no validator 'stranger' here; allowed: colourfulness."

    def test_takes_one_that_is(self, profile: Profile, path: str) -> None:
        status, body = Api(profile.id).call(
            "POST", f"{path}/validation-jobs", {"validation_rules": {"rules": [RULE]}}
        )

        assert (status, body["validation_rules"]["rules"][0]["params"]) == (201, RULE["params"])


@pytest.mark.role("crawlset_worker")
class TestJudge:
    def test_asks_the_sample_which_pictures_are_colourful(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        store(session, chunk, colour(255, 0, 0), colour(120, 128, 130), b"no picture")

        vivid, pale, broken = judged(session, job, sample)

        assert (vivid.verdict, vivid.findings) == ("keep", [])
        assert (pale.verdict, pale.rule, pale.threshold) == ("reject", "custom", 20)
        assert pale.measured is not None
        assert 0 < pale.measured < 20
        assert broken.verdict == "error"
        assert broken.findings[0]["detail"] == "not_image: no image signature"

    @pytest.mark.usefixtures("mortal_decoder")
    def test_loses_only_the_picture_that_the_samples_decoder_dies_of(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        store(session, chunk, colour(255, 0, 0), colour(255, 0, 0) + DEADLY, colour(0, 255, 0))

        vivid, deadly, other = judged(session, job, sample)

        assert (vivid.verdict, deadly.verdict, other.verdict) == ("keep", "error", "keep")
        assert deadly.findings[0]["detail"] == "decode_crash: killed by SIGABRT"

    def test_gives_each_image_by_pack_and_range(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        first, second = colour(1, 2, 3), colour(9, 8, 7)
        store(session, chunk, first, second)
        seen: list[bytes] = []

        def validator(event: dict[str, Any]) -> dict[str, Any]:
            batch = Batch.from_json(objects.get(event["key"]))
            assert (batch.rule, batch.parameters) == ("custom", {"below": 20})
            seen.extend(objects.get_range(i.key, i.offset, i.length) for i in batch.images)
            return {"images": []}

        judged(session, job, validator)

        assert seen == [first, second]

    def test_gives_batches_of_what_no_other_rule_has_put_out(
        self, session: Session, job: CrawlJob, chunk: JobChunk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(custom, "MIN_IMAGES", 2)
        ids = store(session, chunk, *[colour(n, 0, 0) for n in range(5)])
        out = factories.create_image(session, chunk, width=3).id
        batches: list[list[int]] = []

        def validator(event: dict[str, Any]) -> dict[str, Any]:
            batch = Batch.from_json(objects.get(event["key"]))
            batches.append([image.image_id for image in batch.images])
            return {"images": []}

        validation_job = factories.create_validation_job(
            session,
            job,
            validation_rules={"rules": [{"check": "width", "params": {"min": 9}}, RULE]},
        )
        validate(validation_job, validator)

        assert batches == [ids[:2], ids[2:4], ids[4:]]
        assert verdicts(session, validation_job)[out].rule == "width"

    def test_says_the_same_when_every_step_runs_twice(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        store(session, chunk, colour(255, 0, 0), colour(120, 128, 130))

        vivid, pale = judged(session, job, sample, times=2)

        assert (vivid.findings, len(pale.findings)) == ([], 1)

    @pytest.mark.parametrize("answer", ["rubbish", None, {"images": 7}, {"images": [{"x": 1}]}, []])
    def test_takes_rubbish_for_an_error_of_the_batch(
        self, session: Session, job: CrawlJob, chunk: JobChunk, answer: Any
    ) -> None:
        store(session, chunk, colour(255, 0, 0), colour(0, 0, 0))

        found = judged(session, job, lambda _: answer)

        assert [verdict.verdict for verdict in found] == ["error", "error"]
        assert found[0].findings[0]["severity"] == "error"
        assert found[0].findings[0]["detail"].startswith("The validator's answer at /")

    def test_takes_silence_for_an_error_of_that_image(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        first, _ = store(session, chunk, colour(255, 0, 0), colour(0, 0, 0))

        found = judged(session, job, lambda _: {"images": [{"image_id": first}]})

        assert [verdict.verdict for verdict in found] == ["keep", "error"]
        assert found[1].findings[0]["detail"] == "The validator said nothing of it."

    @pytest.mark.parametrize("error", ["States.Timeout", "States.DataLimitExceeded", "KeyError"])
    def test_takes_a_failure_for_an_error_and_ends_well(
        self, session: Session, job: CrawlJob, chunk: JobChunk, error: str
    ) -> None:
        store(session, chunk, colour(255, 0, 0))
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": [RULE]}
        )
        (batch,) = step(validation_job, "evaluate")["batches"]

        step(validation_job, "judge", index=batch["index"], error={"Error": error, "Cause": ""})
        step(validation_job, "finish")

        session.refresh(validation_job)
        assert (validation_job.status, validation_job.n_errors) == (JobStatus.completed, 1)
        (verdict,) = verdicts(session, validation_job).values()
        assert verdict.findings[0]["detail"] == f"The validator ended with {error}."
        assert batch["validator"] == ARN

    @pytest.mark.parametrize(
        ("severity", "broken", "failed"),
        [
            ("reject", "reject", "error"),
            ("quarantine", "quarantine", "error"),
            ("warn", "keep", "keep"),
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
        failed: str,
    ) -> None:
        store(session, chunk, colour(255, 0, 0))
        rule = RULE | {"severity": severity}

        (one,) = judged(session, job, answering(is_broken=True, measured=1.5), rule)
        (other,) = judged(session, job, answering(error="too odd"), rule)

        assert (one.verdict, one.measured) == (broken, 1.5)
        assert (other.verdict, other.findings[0]["detail"]) == (failed, "too odd")

    def test_says_so_when_a_validator_is_allowed_no_more(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        store(session, chunk, colour(255, 0, 0))
        rule = {"check": "custom", "params": {"validator": "gone"}}

        (found,) = judged(session, job, sample, rule)

        assert found.verdict == "error"
        assert found.findings[0]["detail"] == "The validator gone is not allowed here any more."

    def test_refuses_what_no_execution_could_hold(
        self, session: Session, job: CrawlJob, chunk: JobChunk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(custom, "MAX_BATCHES", 1)
        monkeypatch.setattr(custom, "MAX_IMAGES", 1)
        store(session, chunk, colour(255, 0, 0), colour(0, 0, 0))

        with pytest.raises(Exception) as raised:
            judged(session, job, sample)

        assert type(raised.value).__name__ == "TooManyImagesError"


@pytest.mark.parametrize(
    ("n_images", "size"), [(1, 100), (100_000, 200), (1_000_000, 1_000), (10_000_000, 1_000)]
)
def test_batches_stay_few(n_images: int, size: int) -> None:
    assert custom.batch_size(n_images) == size
    assert n_images / size <= custom.MAX_BATCHES
