"""What a file says about itself, from the outcome of its chunk to whoever may see it."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.crawls import recording
from crawlset.models import CrawlJob, Image, JobChunk, Project
from crawlset.outcomes import Change, Outcome
from crawlset.wire.outcomes import UrlOutcome
from tests import factories
from tests.integration.api import Api
from tests.integration.outcomes import create_open_chunk, image_at, put_outcome, result

pytestmark = pytest.mark.usefixtures("bucket", "queues")

Record = Callable[..., None]
SAID: dict[str, Any] = {"make": "Canon", "creator": "Ida", "latitude": 48.0, "longitude": 2.0}


@pytest.fixture
def record(roles: list[str]) -> Record:
    def record(chunk: JobChunk, *lines: UrlOutcome) -> None:
        roles.append("crawlset_worker")
        recording.record_outcome(put_outcome(chunk, lines))
        roles.pop()

    return record


def path_of(job: CrawlJob, image: Image, more: str = "") -> str:
    return f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/images/{image.id}{more}"


class TestRecording:
    def test_shows_it_with_the_image_and_its_provenance(
        self, session: Session, job: CrawlJob, api: Api, record: Record
    ) -> None:
        chunk = create_open_chunk(session, job, 2, creator="Source")

        record(chunk, result(0, embedded=SAID), result(1))

        images = path_of(job, image_at(session, chunk, 0)).rpartition("/")[0]
        _, page = api.call("GET", images)
        said, nothing = page["items"]
        assert {
            name: value for name, value in said["embedded"].items() if value is not None
        } == SAID
        assert said["creator"] == "Source"
        assert nothing["embedded"] is None
        _, read = api.call("GET", path_of(job, image_at(session, chunk, 0), "/provenance"))
        assert (read["rights"]["creator"], read["rights"]["embedded"]["creator"]) == (
            "Source",
            "Ida",
        )

    def test_replaces_it_when_a_re_crawl_brings_another_file(
        self, session: Session, job: CrawlJob, record: Record
    ) -> None:
        chunk = factories.create_recrawl_chunk(session, job)
        image_at(session, chunk, 0).embedded = SAID
        session.commit()
        other = result(0, content=b"other", change=Change.replaced, embedded={"make": "LEICA"})

        record(chunk, other)

        assert image_at(session, chunk, 0).embedded == {"make": "LEICA"}

    def test_keeps_nothing_of_what_was_taken_down_meanwhile(
        self, session: Session, project: Project, job: CrawlJob, record: Record
    ) -> None:
        chunk = create_open_chunk(session, job, 1)
        factories.create_takedown(session, project, value="https://images.example.org/x.jpg")

        record(chunk, result(0, embedded=SAID))

        image = image_at(session, chunk, 0)
        assert (image.outcome, image.embedded) == (Outcome.refused_takedown, None)
