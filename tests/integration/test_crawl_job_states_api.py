from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import JobStatus, Project, WorkStatus
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.wire import keys
from crawlset.wire.chunks import ChunkHead, ChunkMessage, ChunkUrl
from crawlset.wire.record import unpack
from tests import factories
from tests.integration.api import Api

pytestmark = pytest.mark.usefixtures("bucket", "sample_source")


@pytest.mark.usefixtures("queues")
class TestCancel:
    def test_ends_open_work_and_keeps_what_is_settled(
        self, session: Session, api: Api, path: str, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project)
        done = factories.create_chunk(
            session, job, status=WorkStatus.completed, outcomes={"stored": 1}
        )
        kept = factories.create_image(session, done)
        open_ = factories.create_chunk(session, job)
        image = factories.create_image(session, open_, status=ImageStatus.pending)

        status, body = api.call("POST", f"{path}/{job.id}/cancel")

        assert (status, body["status"]) == (200, "cancelled")
        assert (body["progress"]["stored"], body["progress"]["cancelled"]) == (1, 1)
        session.refresh(image)
        session.refresh(kept)
        assert (image.outcome, kept.outcome) == (Outcome.cancelled, Outcome.stored)
        assert objects.exists(f"jobs/{job.id}/cancelled")

    def test_answers_409_once_finished(
        self, session: Session, api: Api, path: str, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project, status=JobStatus.completed)

        status, problem = api.call("POST", f"{path}/{job.id}/cancel")

        assert (status, problem["code"]) == (409, "CrawlJobFinishedError")


class TestRetry:
    def test_tries_again_only_what_may_end_otherwise(
        self, session: Session, api: Api, path: str, project: Project, queues: Any
    ) -> None:
        job = factories.create_crawl_job(session, project, status=JobStatus.completed)
        chunk = factories.create_chunk(
            session,
            job,
            status=WorkStatus.completed,
            n_urls=2,
            outcomes={"timeout": 1, "http_404": 1},
        )
        slow = factories.create_image(
            session,
            chunk,
            status=ImageStatus.failed,
            outcome=Outcome.timeout,
            n_retries=2,
            n_deferrals=10,
        )
        factories.create_image(session, chunk, status=ImageStatus.failed, outcome=Outcome.http_404)

        status, body = api.call("POST", f"{path}/{job.id}/retry")

        assert (status, body["status"]) == (200, "running")
        assert body["progress"] == {
            "candidates": 2,
            "pending": 1,
            "stored": 0,
            "duplicate": 0,
            "rejected": 0,
            "refused": 0,
            "failed": 1,
            "cancelled": 0,
            "repeated": 0,
        }
        (message,) = map(ChunkMessage.from_json, queues.bodies("chunks"))
        key = keys.chunk_input(job.id, message.chunk_id, 1)
        _, lines = unpack(ChunkHead, ChunkUrl, objects.get_lines(key))
        assert lines == [ChunkUrl(0, slow.url)]
        session.refresh(slow)
        assert (slow.n_retries, slow.n_deferrals) == (0, 0)

    def test_counts_the_rows_of_a_search_anew(
        self, session: Session, api: Api, path: str, project: Project, queues: Any
    ) -> None:
        job = factories.create_crawl_job(session, project, status=JobStatus.failed)
        search = factories.create_search(
            session, job, status=WorkStatus.failed, planned_parts=[0], n_repeated=3, n_altered=1
        )

        _, body = api.call("POST", f"{path}/{job.id}/retry")

        session.refresh(search)
        assert (search.n_repeated, search.n_altered, search.planned_parts) == (0, 0, [])
        assert body["progress"]["repeated"] == 0

    def test_answers_409_when_every_failure_is_final(
        self, session: Session, api: Api, path: str, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project, status=JobStatus.completed)

        status, problem = api.call("POST", f"{path}/{job.id}/retry")

        assert (status, problem["code"]) == (409, "NothingToRetryError")
