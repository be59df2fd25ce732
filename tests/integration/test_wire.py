"""What one function writes is read by the next: the real writer and the real reader, joined."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.crawls import planning, recording
from crawlset.errors import SourceError
from crawlset.fetching.service import fetch_chunk
from crawlset.identity import Crawler
from crawlset.kit import objects
from crawlset.kit.strict_json import from_json
from crawlset.models import CrawlJob, Image, JobChunk, JobSearch, JobStatus, Project, WorkStatus
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.sources.discover import discover
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire import keys
from crawlset.wire.candidates import Query
from crawlset.wire.chunks import ChunkMessage
from crawlset.wire.searches import DiscoverMessage, SearchRequest
from functions.fetch import app as fetch
from tests import factories
from tests.integration.web_server import Web, serve
from tests.unit.imaging import pictures

pytestmark = pytest.mark.role("crawlset_worker")


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    return factories.create_crawl_job(session, project, status=JobStatus.pending)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    with serve() as web:
        monkeypatch.setenv("ALLOWED_PRIVATE_HOSTS", ",".join(web.hosts))
        yield web
    fetch.decode_pool().close()
    fetch.decode_pool.cache_clear()


def discover_and_plan(
    search: JobSearch,
    *found: Candidate,
    error: SourceError | None = None,
    queries: list[Query] | None = None,
) -> None:
    """Let a source yield what was `found`, and plan the parts that `discover` wrote of it."""

    def ask(request: SearchRequest, cursor: Any) -> Iterator[CandidatePage]:
        yield CandidatePage(found)
        if error is not None:
            raise error

    request = from_json(SearchRequest, search.request)
    written: list[str] = []

    def write(key: str, body: bytes) -> None:
        objects.put(key, body)
        written.append(key)

    discover(
        DiscoverMessage(search.crawl_job_id, search.id, search.attempt, request),
        ask=ask,
        write=write,
        is_cancelled=lambda: False,
        expand=(lambda _: queries) if queries else None,
    )
    for key in written:
        planning.plan_part(key)


def images_of(session: Session, job: CrawlJob) -> list[Image]:
    session.expire_all()
    return list(
        session.scalars(select(Image).where(Image.crawl_job_id == job.id).order_by(Image.rank))
    )


@pytest.mark.usefixtures("bucket", "queues")
class TestDiscoverToPlan:
    def test_keeps_all_that_the_source_says_of_an_image(
        self, session: Session, job: CrawlJob, search: JobSearch
    ) -> None:
        found: dict[str, Any] = {
            "query": "cats",
            "keyword": "kitten",
            "landing_url": "https://a.example.org/works/1",
            "licence": "cc-by-4.0",
            "licence_raw": "CC BY 4.0",
            "creator": "Ada",
            "attribution": "By Ada",
            "title": "A kitten",
            "width": 640,
            "height": 480,
        }

        discover_and_plan(search, Candidate("https://a.example.org/1.jpg", **found))

        (image,) = images_of(session, job)
        assert {name: getattr(image, name) for name in found} == found
        assert (image.url, image.host) == ("https://a.example.org/1.jpg", "a.example.org")
        assert (image.source, image.rank, image.status) == ("sample", 1, ImageStatus.pending)
        assert (search.status, search.n_parts) == (WorkStatus.completed, 1)

    def test_keeps_why_an_image_is_not_to_be_fetched(
        self, session: Session, job: CrawlJob, search: JobSearch
    ) -> None:
        refused = Candidate("https://a.example.org/1.jpg", refused=Outcome.refused_licence)

        discover_and_plan(search, refused, Candidate("https://a.example.org/2.jpg"))

        assert [(image.status, image.outcome) for image in images_of(session, job)] == [
            (ImageStatus.refused, Outcome.refused_licence),
            (ImageStatus.pending, None),
        ]

    def test_keeps_what_the_source_was_asked(
        self, session: Session, job: CrawlJob, search: JobSearch
    ) -> None:
        queries = [Query("cat", "keyword"), Query("cats", "plural")]

        discover_and_plan(search, Candidate("https://a.example.org/1.jpg"), queries=queries)

        session.expire_all()
        assert search.queries == [
            {"query": "cat", "by": "keyword"},
            {"query": "cats", "by": "plural"},
        ]

    def test_keeps_what_ended_the_search(
        self, session: Session, job: CrawlJob, search: JobSearch
    ) -> None:
        error = SourceError("The key is wrong.")

        discover_and_plan(search, Candidate("https://a.example.org/1.jpg"), error=error)

        session.expire_all()
        assert (search.status, search.error_message) == (WorkStatus.failed, str(error))
        assert len(images_of(session, job)) == 1


@pytest.mark.usefixtures("emulated_bucket")
class TestFetchToRecord:
    def test_says_what_became_of_every_url_that_was_planned(
        self, session: Session, job: CrawlJob, search: JobSearch, web: Web
    ) -> None:
        data = pictures.jpeg()
        urls = [
            web.add("/a.jpg", data, Content_Type="image/jpeg"),
            web.add("/gone.jpg", status=404),
            web.add("/noai.jpg", data, X_Robots_Tag="noai"),
        ]
        discover_and_plan(search, *(Candidate(url, width=9_000, height=6_000) for url in urls))
        chunk = session.scalars(select(JobChunk)).one()

        fetch_planned(job, chunk.id)
        recording.record_outcome(keys.outcome(job.id, chunk.id))

        stored, gone, refused = images_of(session, job)
        assert [image.outcome for image in (stored, gone, refused)] == [
            Outcome.stored,
            Outcome.http_404,
            Outcome.refused_noai,
        ]
        sizes = [(image.width, image.height) for image in (stored, gone, refused)]
        assert sizes == [pictures.SIZE, (None, None), (None, None)]
        assert (stored.file_size, stored.format, stored.http_status) == (len(data), "jpeg", 200)
        assert objects.get(str(stored.pack_key))[stored.pack_offset :][: len(data)] == data
        assert (chunk.status, job.status) == (WorkStatus.completed, JobStatus.completed)
        assert chunk.bytes_received is not None
        assert chunk.bytes_received >= len(data)


def fetch_planned(job: CrawlJob, chunk_id: UUID) -> None:
    fetch_chunk(
        ChunkMessage(job.id, chunk_id, 1),
        pool=fetch.decode_pool(),
        crawler=Crawler.from_environment(),
        seconds_left=lambda: 300,
    )
