"""Stored pictures asked for again, in place: what is found is written beside what was."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from crawlset.crawls.sweeping import sweep
from crawlset.kit import objects
from crawlset.models import CrawlJob, JobChunk, JobStatus, WorkStatus
from crawlset.outcomes import Change, ImageStatus, Outcome
from crawlset.wire import keys
from crawlset.wire.chunks import ChunkHead, ChunkMessage, ChunkUrl, Known
from crawlset.wire.record import unpack
from tests import factories
from tests.integration.api import Api
from tests.integration.outcomes import image_at

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.fixture
def chunk(session: Session, job: CrawlJob) -> JobChunk:
    return factories.create_recrawl_chunk(session, job)


def digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


class TestRecrawl:
    @pytest.fixture
    def path(self, job: CrawlJob) -> str:
        return f"/api/projects/{job.project_id}/crawl-jobs/{job.id}"

    @pytest.fixture
    def crawled(self, session: Session, job: CrawlJob) -> JobChunk:
        """A chunk of a completed job: one stored picture, and one that failed."""
        job.status = JobStatus.completed
        crawled = factories.create_chunk(
            session,
            job,
            n_urls=2,
            status=WorkStatus.completed,
            outcomes={"stored": 1, "timeout": 1},
            bytes_stored=1_000,
        )
        factories.create_image(
            session,
            crawled,
            ordinal=0,
            etag='"1"',
            last_modified="Sat, 01 Aug 2026 00:00:00 GMT",
            sha256=digest(b"1"),
            phash=-7,
            n_retries=2,
            n_deferrals=3,
        )
        factories.create_image(
            session, crawled, ordinal=1, status=ImageStatus.failed, outcome=Outcome.timeout
        )
        return crawled

    def test_asks_for_what_is_stored_with_what_is_known(
        self, session: Session, api: Api, path: str, crawled: JobChunk, queues: Any
    ) -> None:
        status, body = api.call("POST", f"{path}/recrawl")

        assert (status, body["status"], body["bytes_stored"]) == (200, "running", 1_000)
        assert body["progress"]["candidates"] == 2
        assert body["outcomes"] == {"stored": 1, "timeout": 1}
        (message,) = map(ChunkMessage.from_json, queues.bodies("chunks"))
        key = keys.chunk_input(crawled.crawl_job_id, message.chunk_id, 1)
        _, (candidate,) = unpack(ChunkHead, ChunkUrl, objects.get_lines(key))
        assert candidate.retries == 0
        assert candidate.known == Known(
            etag='"1"',
            last_modified="Sat, 01 Aug 2026 00:00:00 GMT",
            sha256=digest(b"1").hex(),
            phash=-7,
        )

    def test_asks_by_the_bytes_received_where_others_are_stored(
        self, session: Session, api: Api, path: str, crawled: JobChunk, queues: Any
    ) -> None:
        received = digest(b"received").hex()
        image_at(session, crawled, 0).transform = {"original": {"sha256": received}}
        session.commit()

        api.call("POST", f"{path}/recrawl")

        (message,) = map(ChunkMessage.from_json, queues.bodies("chunks"))
        key = keys.chunk_input(crawled.crawl_job_id, message.chunk_id, 1)
        _, (candidate,) = unpack(ChunkHead, ChunkUrl, objects.get_lines(key))
        assert candidate.known is not None
        assert candidate.known.sha256 == received

    def test_shows_what_was_found(
        self, session: Session, api: Api, path: str, crawled: JobChunk
    ) -> None:
        image = image_at(session, crawled, 0)
        image.change, image.phashes = Change.gone, [-1, 0, 1, 2]
        session.commit()

        _, body = api.call("GET", f"{path}/images", query={"status": "stored"})

        (shown,) = body["items"]
        assert (shown["change"], shown["etag"]) == ("gone", '"1"')
        assert shown["phashes"] == ["f" * 16, "0" * 16, "0" * 15 + "1", "0" * 15 + "2"]

    def test_is_counted_by_what_is_found(
        self, session: Session, api: Api, path: str, crawled: JobChunk, queues: Any
    ) -> None:
        for _ in range(6):
            factories.create_image(session, crawled)

        _, before = api.call("GET", path)
        _, begun = api.call("POST", f"{path}/recrawl")
        chunk = session.scalars(select(JobChunk).where(JobChunk.is_recrawl)).one()
        chunk.changes = {"unchanged": 3, "replaced": 1, "gone": 1, "refused": 1, "failed": 1}
        chunk.status = WorkStatus.completed
        session.commit()
        _, ended = api.call("GET", path)

        assert before["recrawl"] is None
        assert (begun["recrawl"]["asked"], begun["recrawl"]["pending"]) == (7, 7)
        assert {name: n for name, n in ended["recrawl"].items() if n} == {
            "started_at": begun["recrawl"]["started_at"],
            "asked": 7,
            **chunk.changes,
        }

    def test_counts_only_the_last(
        self, session: Session, api: Api, job: CrawlJob, path: str, crawled: JobChunk, queues: Any
    ) -> None:
        an_hour_ago = func.now() - text("interval '1 hour'")
        factories.create_chunk(
            session,
            job,
            status=WorkStatus.completed,
            is_recrawl=True,
            changes={"gone": 5},
            created_at=an_hour_ago,
        )

        _, body = api.call("POST", f"{path}/recrawl")

        assert (body["recrawl"]["gone"], body["recrawl"]["asked"]) == (0, 1)

    def test_lists_images_by_what_was_found(
        self, session: Session, api: Api, path: str, crawled: JobChunk
    ) -> None:
        gone = factories.create_image(session, crawled, change=Change.gone)
        factories.create_image(session, crawled, change=Change.unchanged)

        _, body = api.call("GET", f"{path}/images", query={"change": "gone"})

        assert [image["id"] for image in body["items"]] == [gone.id]

    def test_is_complete_as_before_when_cancelled(
        self, session: Session, api: Api, path: str, crawled: JobChunk, queues: Any
    ) -> None:
        api.call("POST", f"{path}/recrawl")

        status, body = api.call("POST", f"{path}/cancel")

        assert (status, body["status"]) == (200, "completed")
        assert body["outcomes"] == {"stored": 1, "timeout": 1}
        assert not objects.exists(keys.cancelled(crawled.crawl_job_id, 1))

    @pytest.mark.usefixtures("queues")
    def test_deletes_the_job_afterwards(
        self, session: Session, api: Api, path: str, crawled: JobChunk
    ) -> None:
        api.call("POST", f"{path}/recrawl")
        api.call("POST", f"{path}/cancel")

        assert api.call("DELETE", path)[0] == 200

    @pytest.mark.usefixtures("crawled", "queues")
    def test_answers_404_to_a_stranger(self, session: Session, job: CrawlJob, path: str) -> None:
        stranger = Api(factories.create_profile(session).id)

        status, problem = stranger.call("POST", f"{path}/recrawl")

        assert (status, problem["code"]) == (404, "NotFoundError")

    @pytest.mark.usefixtures("chunk")
    @pytest.mark.parametrize(
        ("state", "code"),
        [
            (JobStatus.running, "CrawlJobActiveError"),
            (JobStatus.cancelled, "CrawlJobCancelledError"),
        ],
    )
    def test_answers_409_unless_the_job_has_ended_well(
        self, session: Session, api: Api, job: CrawlJob, path: str, state: JobStatus, code: str
    ) -> None:
        job.status = state
        session.commit()

        status, problem = api.call("POST", f"{path}/recrawl")

        assert (status, problem["code"]) == (409, code)

    def test_answers_409_when_nothing_is_stored(
        self, session: Session, api: Api, job: CrawlJob, path: str
    ) -> None:
        job.status = JobStatus.completed
        session.commit()

        status, problem = api.call("POST", f"{path}/recrawl")

        assert (status, problem["code"]) == (409, "NothingToRecrawlError")


@pytest.mark.role("crawlset_tick")
def test_the_tick_sends_a_lost_re_crawl_again_with_what_is_known(
    session: Session, job: CrawlJob, chunk: JobChunk, queues: Any
) -> None:
    chunk.updated_at = datetime(2026, 1, 1, tzinfo=UTC)
    session.commit()

    sweep()

    (message,) = map(ChunkMessage.from_json, queues.bodies("chunks"))
    assert message.attempt == 2
    key = keys.chunk_input(job.id, chunk.id, 2)
    _, urls = unpack(ChunkHead, ChunkUrl, objects.get_lines(key))
    assert [url.known.etag for url in urls if url.known] == ['"0"', '"1"', '"2"']
