"""What becomes of copies whose keeper another rule puts out: they are kept in its place."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.kit import objects
from crawlset.models import CrawlJob, ImageVerdict, JobChunk, JobStatus
from crawlset.wire.validators import Batch
from tests import factories
from tests.integration.validation.measurers import Scores, rule
from tests.integration.validation.steps import Validator, step, validate, verdicts

ARN = "arn:aws:lambda:us-east-1:123456789012:function:strict"
BASE = 0x0F0F_1234_5678_9ABC
NEAR = {"check": "near_duplicates"}
EXACT = {"check": "exact_duplicates", "params": {"by": "pixels"}}
CUSTOM = {"check": "custom", "params": {"validator": "strict"}}
ODD = {"check": "odd_size"}

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.fixture(autouse=True)
def _allowed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("VALIDATOR_ARNS", ARN)
    settings.validator_settings.cache_clear()
    yield
    settings.validator_settings.cache_clear()


def copies(session: Session, chunk: JobChunk, *hashes: int, **more: Any) -> list[int]:
    """Ids of images, the largest first: of near hashes it is the keeper."""
    widths = range(900, 0, -1)
    return [
        factories.create_image(
            session, chunk, phashes=[hash_] * 4, pixel_hash=hash_, width=width, **more
        ).id
        for hash_, width in zip(hashes, widths, strict=False)
    ]


def refusing(*ids: int) -> Validator:
    """A validator that refuses these images."""

    def validator(event: dict[str, Any]) -> dict[str, Any]:
        images = Batch.from_json(objects.get(event["key"])).images
        return {
            "images": [
                {"image_id": one.image_id, "is_broken": one.image_id in ids} for one in images
            ]
        }

    return validator


def judged(
    session: Session, job: CrawlJob, *rules: dict[str, Any], **asked: Any
) -> list[ImageVerdict]:
    validation_job = factories.create_validation_job(
        session, job, validation_rules={"rules": list(rules)}
    )
    validate(validation_job, **asked)
    found = verdicts(session, validation_job)
    return [found[id_] for id_ in sorted(found)]


def shown(found: list[ImageVerdict]) -> list[tuple[str, str | None, int | None]]:
    return [(one.verdict, one.rule, one.duplicate_of) for one in found]


class TestCopiesOfWhatIsPutOut:
    @pytest.mark.parametrize("duplicates", [NEAR, EXACT])
    def test_by_a_validator_are_kept(
        self, session: Session, job: CrawlJob, chunk: JobChunk, duplicates: dict[str, Any]
    ) -> None:
        first, second, *_ = copies(session, chunk, BASE, BASE, BASE)

        found = judged(session, job, duplicates, CUSTOM, validator=refusing(first))

        assert shown(found) == [
            ("reject", "custom", None),
            ("keep", None, None),
            ("reject", duplicates["check"], second),
        ]
        assert found[0].cluster is None

    @pytest.mark.usefixtures("deploy")
    def test_by_a_measure_are_kept(self, session: Session, job: CrawlJob, chunk: JobChunk) -> None:
        copies(session, chunk, BASE, BASE)

        found = judged(session, job, NEAR, rule(), measurer=Scores(0.1, 0.9))

        assert shown(found) == [("reject", "measure", None), ("keep", None, None)]

    def test_and_that_are_near_another_keeper_stay_out(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        first, other, near_both = copies(session, chunk, BASE, BASE ^ 0b110, BASE ^ 0b100)

        before = judged(session, job, NEAR)
        found = judged(session, job, NEAR, CUSTOM, validator=refusing(first))

        assert [one.duplicate_of for one in before] == [None, first, first]
        assert [one.duplicate_of for one in found] == [None, None, other]
        assert near_both > other

    def test_as_its_size_is_odd_are_kept(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        factories.create_image(session, chunk, phashes=[BASE] * 4, width=90_000, height=90_000)
        hashes = [BASE, *(BASE ^ (0x1111_1111_1111 << place) for place in range(12))]
        copies(session, chunk, *hashes, height=800)

        huge, copy, *_ = judged(session, job, NEAR, ODD)

        assert shown([huge, copy]) == [("reject", "odd_size", None), ("keep", None, None)]

    def test_into_quarantine_take_its_place_as_keepers(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        first, second = copies(session, chunk, BASE, BASE)
        quarantining = CUSTOM | {"severity": "quarantine"}

        found = judged(session, job, NEAR, quarantining, validator=refusing(first))

        assert [(one.verdict, one.duplicate_of) for one in found] == [
            ("reject", second),
            ("keep", None),
        ]


class TestExecutionsOfTheDefinitionBefore:
    def test_ask_validators_once_duplicates_are_out(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        """They run for two days at most, whatever is deployed meanwhile."""
        first, _ = copies(session, chunk, BASE, BASE)
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": [NEAR, CUSTOM]}
        )
        step(validation_job, "evaluate")
        for share in step(validation_job, "deduplicate")["shares"]:
            step(validation_job, "compare", **share)

        found = step(validation_job, "cluster")
        (batch,) = found["batches"]
        asked = json.loads(objects.get(f"{found['folder']}{batch['index']}.json"))
        answer = {"images": [{"image_id": first, "is_broken": True}]}
        step(validation_job, "judge", index=batch["index"], answer=answer)
        step(validation_job, "finish")

        assert [image["image_id"] for image in asked["images"]] == [first]
        session.refresh(validation_job)
        assert validation_job.status is JobStatus.completed
        assert validation_job.by_rule == {"custom": 1, "near_duplicates": 1}
