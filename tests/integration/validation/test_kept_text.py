"""What is written in pictures goes once the deployment does not keep it any more."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, JobChunk, Project
from tests import factories
from tests.integration.validation.measurers import (
    FUNCTIONS,
    Deploy,
    Scores,
    measurements,
    rule,
    validated,
)

KEPT = {
    "text": {
        "version": "pp-ocrv6-small-1-kept",
        "measures": {"characters": 9.0},
        "details": {"text": "Ann Example", "lines": 1},
    },
    "other": {"version": "1", "details": {"text": "a detail of somebody else's"}},
}

pytestmark = pytest.mark.usefixtures("bucket", "deploy")


def texts(session: Session) -> list[Any]:
    return [one["text"].get("details", {}).get("text") for one in measurements(session)]


class TestKeptText:
    @pytest.mark.parametrize(
        ("version", "measurer", "left"),
        [
            ("pp-ocrv6-small-1", "text", [None, None]),
            ("pp-ocrv6-small-1-kept", "text", ["Ann Example", "Ann Example"]),
            ("pp-ocrv6-small-1", "palette", ["Ann Example", "Ann Example"]),
        ],
    )
    def test_goes_from_all_images_of_a_job_with_the_next_validation_that_asks_for_text(
        self,
        session: Session,
        job: CrawlJob,
        chunk: JobChunk,
        deploy: Deploy,
        version: str,
        measurer: str,
        left: list[str | None],
    ) -> None:
        """An image that rules put out, which is not measured anew, is one of all."""
        deploy(f"text@{version}={FUNCTIONS}:text,palette@1={FUNCTIONS}:palette")
        factories.create_image(session, chunk, measurements=KEPT)
        factories.create_image(session, chunk, measurements=KEPT, width=9)
        too_small = {"check": "width", "params": {"min": 100}}

        validated(session, job, Scores(0.9), too_small, rule(measurer))

        assert texts(session) == left
        assert measurements(session)[1]["other"] == KEPT["other"]
        assert measurements(session)[1]["text"]["measures"] == {"characters": 9.0}

    def test_of_another_job_stays(
        self,
        session: Session,
        project: Project,
        job: CrawlJob,
        chunk: JobChunk,
        deploy: Deploy,
    ) -> None:
        deploy(f"text@pp-ocrv6-small-1={FUNCTIONS}:text")
        other = factories.create_crawl_job(session, project)
        factories.create_image(session, factories.create_chunk(session, other), measurements=KEPT)
        factories.create_image(session, chunk)

        validated(session, job, Scores(0.9), rule("text"))

        assert texts(session) == ["Ann Example", None]
