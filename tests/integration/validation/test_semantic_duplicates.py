"""What the rule on semantic duplicates says of pictures, by the vectors of a measurer."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, ImageVerdict, JobChunk
from tests import factories
from tests.integration.api import Api
from tests.integration.validation.measurers import (
    Answer,
    Deploy,
    Scores,
    never,
    saying,
    stored,
    validated,
)
from tests.integration.validation.steps import validate, verdicts

pytestmark = pytest.mark.usefixtures("bucket", "deploy")
HASHES = (
    0x0F0F_1234_5678_9ABC,
    0x7213_CAFE_0BAD_F00D,
    0x1357_0246_8ACE_BDF9,
    0x6A09_E667_3BCC_908B,
)
"""Hashes of pictures that look otherwise, more than ten bits from each other."""


def semantic(above: float = 0.9, measurer: str = "palette", **more: Any) -> dict[str, Any]:
    params = {"measurer": measurer, "above": above} | more.pop("params", {})
    return {"check": "semantic_duplicates", "params": params} | more


def images(session: Session, chunk: JobChunk, n: int) -> list[int]:
    """Ids of images, the largest first, whose hashes are far from each other."""
    return [
        stored(session, chunk, 1, width=900 - place, phashes=[HASHES[place]] * 4)[0]
        for place in range(n)
    ]


def keepers(found: list[ImageVerdict]) -> list[int | None]:
    ids = [one.image_id for one in found]
    return [None if one.duplicate_of is None else ids.index(one.duplicate_of) for one in found]


@pytest.mark.role("crawlset_worker")
class TestSemanticDuplicates:
    def test_give_way_to_the_keeper_that_they_are_near(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        images(session, chunk, 4)
        measurer = Scores(1, 1, 1, 1, vectors=[[3, 0], [1, 0.3], [1, 0.7], [0, 1]])

        found = validated(session, job, measurer, semantic())

        assert keepers(found) == [None, 0, None, None]
        assert [one.verdict for one in found] == ["keep", "reject", "keep", "keep"]
        assert (found[1].measured, found[1].threshold) == (0.958, 0.9)
        assert [one.cluster for one in found[:2]] == [found[0].image_id] * 2

    def test_are_the_same_when_every_step_runs_twice(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        images(session, chunk, 3)
        measurer = Scores(1, 1, 1, vectors=[[1, 0], [1, 0], [0, 1]])

        found = validated(session, job, measurer, semantic(severity="quarantine"), times=2)

        assert [one.verdict for one in found] == ["keep", "quarantine", "keep"]
        assert len(found[1].findings) == 1

    def test_are_found_again_without_measuring_by_another_threshold(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        images(session, chunk, 2)
        measurer = Scores(1, 1, vectors=[[1, 0], [1, 0.3]])
        validated(session, job, measurer, semantic(0.97))

        found = validated(session, job, never, semantic(0.9))

        assert [one.verdict for one in found] == ["keep", "reject"]

    def test_are_judged_in_quarantine_where_a_cluster_is_large(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        images(session, chunk, 4)
        validation_job = factories.create_validation_job(
            session,
            job,
            validation_rules={"rules": [semantic(params={"max_cluster": 3})]},
        )

        validate(validation_job, measurer=Scores(1, 1, 1, 1, vectors=[[1, 0]] * 4))

        session.refresh(validation_job)
        found = verdicts(session, validation_job)
        assert [found[id_].verdict for id_ in sorted(found)] == ["keep", *["quarantine"] * 3]
        (warning,) = validation_job.warnings
        assert warning == (
            "semantic_duplicates: 1 cluster has more than 3 images, the largest 4. All 3 images but"
            " the keepers are put in quarantine: see whether they are copies."
        )

    def test_come_after_near_duplicates(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        images(session, chunk, 2)
        stored(session, chunk, 1, width=100, phashes=[HASHES[1]] * 4)
        measurer = Scores(1, 1, 1, vectors=[[1, 0], [1, 0], [1, 0]])

        found = validated(session, job, measurer, {"check": "near_duplicates"}, semantic())

        assert [one.rule for one in found] == [None, "semantic_duplicates", "near_duplicates"]
        assert keepers(found) == [None, 0, 1]

    def test_of_several_rules_see_what_those_before_left(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        images(session, chunk, 3)
        measurer = Scores(1, 1, 1, vectors=[[1, 0], [1, 0.2], [1, 0.6]])

        found = validated(session, job, measurer, semantic(0.95), semantic(0.9, name="wide"))

        assert [one.rule for one in found] == [None, "semantic_duplicates", None]

    def test_are_an_error_of_images_without_vector(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        images(session, chunk, 2)

        def measurer(event: dict[str, Any]) -> Answer:
            said = saying(lambda place: {"error": "too dark"} if place else {"measures": {}})
            return said(event)

        found = validated(session, job, measurer, semantic())

        assert [one.verdict for one in found] == ["error", "error"]
        assert [one.findings[0]["detail"] for one in found] == [
            "palette has made no vector of it.",
            "too dark",
        ]

    def test_are_an_error_when_the_measurer_is_not_deployed_any_more(
        self, session: Session, job: CrawlJob, chunk: JobChunk, deploy: Deploy
    ) -> None:
        images(session, chunk, 2)
        validated(session, job, Scores(1, 1, vectors=[[1, 0], [1, 0]]), semantic())
        deploy("")

        found = validated(session, job, never, semantic())

        assert [one.verdict for one in found] == ["error", "error"]


class TestRequest:
    def test_is_answered_422_where_the_measurer_is_not_deployed(
        self, api: Api, path: str, session: Session, job: CrawlJob
    ) -> None:
        status, body = api.call(
            "POST", path, {"validation_rules": {"rules": [semantic(measurer="nobody")]}}
        )

        assert (status, body["code"]) == (422, "UnknownMeasurerError")
        assert "nobody" in body["detail"]

    @pytest.mark.parametrize("above", [0.5, 1.1])
    def test_is_answered_422_where_the_cosine_is_out_of_reach(
        self, api: Api, path: str, session: Session, job: CrawlJob, above: float
    ) -> None:
        status, _ = api.call("POST", path, {"validation_rules": {"rules": [semantic(above)]}})

        assert status == 422
