"""Rules about measures decide alike, whether pictures are measured first or all measures kept."""

from itertools import permutations
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, ImageVerdict, JobChunk
from tests import factories
from tests.integration.validation.measurers import Answer, never, rule, saying, validated

SCORES = (0.1, 0.4, 0.6, 0.9)
WIDTHS = (50, 150, 500)
NARROW = {"check": "width", "params": {"min": 100}}
SMALL = {"check": "short_side", "params": {"min": 200}, "severity": "quarantine"}
MEASURES = (
    rule(below=0.2) | {"name": "low"},
    rule(severity="quarantine", below=0.5) | {"name": "doubtful"},
    rule(severity="tag", above=0.3) | {"name": "high"},
)

pytestmark = pytest.mark.usefixtures("bucket", "deploy")


def create(session: Session, chunk: JobChunk) -> None:
    """An image of each width and score."""
    for width in WIDTHS:
        for _ in SCORES:
            factories.create_image(session, chunk, width=width, height=width)


def scores(place: int) -> Answer:
    return {"measures": {"score": SCORES[place % len(SCORES)]}}


def told(found: list[ImageVerdict]) -> list[tuple[Any, ...]]:
    return [
        (one.image_id, one.verdict, one.rule, one.measured, one.threshold, one.findings)
        for one in found
    ]


@pytest.mark.role("crawlset_worker")
class TestDecidingAnew:
    @pytest.mark.parametrize("measure_rules", list(permutations(MEASURES)))
    def test_says_what_was_said_when_pictures_were_measured(
        self,
        session: Session,
        job: CrawlJob,
        chunk: JobChunk,
        measure_rules: tuple[dict[str, Any], ...],
    ) -> None:
        create(session, chunk)
        rules = [SMALL, NARROW, *measure_rules]
        first = told(validated(session, job, saying(scores), *rules))

        again = told(validated(session, job, never, *rules))

        assert again == first
        assert {verdict for _, verdict, *_ in again} == {"keep", "quarantine", "reject"}

    @pytest.mark.parametrize("times", [1, 2])
    def test_tells_what_decided_and_what_else_was_found(
        self, session: Session, job: CrawlJob, chunk: JobChunk, times: int
    ) -> None:
        create(session, chunk)
        validated(session, job, saying(scores), rule(above=2))

        found = validated(session, job, never, SMALL, NARROW, *MEASURES, times=times)

        shown = [(one.rule, [finding["rule"] for finding in one.findings]) for one in found]
        assert shown == [
            *[("width", ["width", "short_side"])] * 4,
            ("low", ["short_side", "low"]),
            ("short_side", ["short_side", "doubtful", "high"]),
            *[("short_side", ["short_side", "high"])] * 2,
            ("low", ["low"]),
            ("doubtful", ["doubtful", "high"]),
            *[("high", ["high"])] * 2,
        ]
        assert [one.measured for one in found][8:] == [0.1, 0.4, 0.6, 0.9]
        assert [one.threshold for one in found][8:] == [0.2, 0.5, 0.3, 0.3]

    def test_asks_validators_before_it_decides(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        """They are not allowed here: each image in play has the error."""
        create(session, chunk)
        validated(session, job, saying(scores), rule(above=2))
        custom = {"check": "custom", "params": {"validator": "gone"}, "severity": "tag"}

        found = validated(session, job, never, custom, MEASURES[0])

        assert [[finding["rule"] for finding in one.findings] for one in found[:2]] == [
            ["custom", "low"],
            ["custom"],
        ]

    def test_leaves_to_the_measurer_what_is_not_measured_yet(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        create(session, chunk)
        validated(session, job, saying(scores), rule(above=2))
        new = factories.create_image(session, chunk)

        *_, last = validated(session, job, saying(lambda _: scores(0)), rule(below=0.2))

        assert (last.image_id, last.verdict, last.measured) == (new.id, "reject", 0.1)
