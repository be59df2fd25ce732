import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset import outbox
from crawlset.crawls import planning
from crawlset.kit import objects
from crawlset.kit.batch import Delivery
from crawlset.models import CrawlJob, Image, JobChunk, JobSearch, JobStatus, Project, WorkStatus
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.wire import keys
from crawlset.wire.candidates import CandidateLine, PartHead, SearchError
from crawlset.wire.chunks import ChunkHead, ChunkMessage, ChunkUrl
from crawlset.wire.notices import ObjectNotice
from crawlset.wire.record import pack, unpack
from crawlset.wire.searches import Deferral
from functions.plan import app
from tests import factories
from tests.integration.candidate_parts import candidate
from tests.spellings import SPELLINGS

pytestmark = [pytest.mark.role("crawlset_worker"), pytest.mark.usefixtures("bucket")]


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    return factories.create_crawl_job(session, project, status=JobStatus.pending)


def put_part(
    search: JobSearch,
    candidates: Sequence[CandidateLine],
    part: int = 0,
    n_parts: int | None = 1,
    error: SearchError | None = None,
    attempt: int = 1,
    *,
    n_repeated: int = 0,
    n_altered: int = 0,
) -> str:
    key = keys.candidates(search.crawl_job_id, search.id, part)
    objects.put(
        key, pack(PartHead(attempt, n_parts, error, None, n_repeated, n_altered), candidates)
    )
    return key


def chunks_of(session: Session, job: CrawlJob) -> list[JobChunk]:
    session.expire_all()
    return list(
        session.scalars(
            select(JobChunk).where(JobChunk.crawl_job_id == job.id).order_by(JobChunk.id)
        )
    )


class TestPlanPart:
    def test_makes_rows_chunks_inputs_and_messages(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any
    ) -> None:
        urls = [f"https://h{n % 3}.example.org/{n}.jpg" for n in range(9)]

        n_new = planning.plan_part(put_part(search, [candidate(url) for url in urls]))

        (chunk,) = chunks_of(session, job)
        assert (n_new, chunk.n_urls, chunk.status) == (9, 9, WorkStatus.queued)
        (message,) = map(ChunkMessage.from_json, queues.bodies("chunks"))
        assert message == ChunkMessage(job.id, chunk.id, 1)
        head, lines = unpack(
            ChunkHead, ChunkUrl, objects.get_lines(keys.chunk_input(job.id, chunk.id, 1))
        )
        assert head.chunk_id == chunk.id
        assert {line.url for line in lines} == set(urls)
        session.refresh(job)
        session.refresh(search)
        assert (job.status, search.status, search.n_candidates) == (
            JobStatus.running,
            WorkStatus.completed,
            9,
        )

    def test_gives_a_busy_host_lanes_of_its_own(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any
    ) -> None:
        urls = [f"https://busy.example.org/{n}.jpg" for n in range(1_200)]

        planning.plan_part(put_part(search, [candidate(url) for url in urls]))

        lanes = Counter(chunk.lane for chunk in chunks_of(session, job))
        assert lanes == {"busy.example.org#0": 2, "busy.example.org#1": 1}
        assert len(queues.bodies("host_lanes")) == 3
        assert queues.bodies("chunks") == []

    @pytest.mark.parametrize("host", SPELLINGS)
    def test_counts_all_spellings_of_a_host_as_one(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any, host: str
    ) -> None:
        spellings = SPELLINGS[host]
        urls = [f"https://{spellings[n % len(spellings)]}/{n}.jpg" for n in range(51)]
        refused = candidate(f"https://{spellings[-1]}/no.jpg", refused=Outcome.refused_licence)

        planning.plan_part(put_part(search, [*map(candidate, urls), refused]))

        assert [chunk.lane for chunk in chunks_of(session, job)] == [f"{host}#0", None]
        assert set(session.scalars(select(Image.host))) == {host}
        assert len(queues.bodies("host_lanes")) == 1

    def test_changes_nothing_the_second_time(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any
    ) -> None:
        key = put_part(search, [candidate("https://a.example.org/1.jpg")], n_parts=None)
        planning.plan_part(key)
        queues.bodies("chunks")

        assert planning.plan_part(key) == 0

        assert queues.bodies("chunks") == []
        assert len(chunks_of(session, job)) == 1

    def test_keeps_one_row_of_a_url_that_two_parts_name(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any
    ) -> None:
        url = "https://a.example.org/1.jpg"

        planning.plan_part(put_part(search, [candidate(url)], 0, None))
        planning.plan_part(put_part(search, [candidate(url), candidate(url + "?2")], 1, 2))

        assert session.scalar(select(func.count()).select_from(Image)) == 2
        assert [chunk.n_urls for chunk in chunks_of(session, job)] == [1, 1]

    def test_counts_what_discover_left_out_once(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any
    ) -> None:
        key = put_part(search, [candidate("https://a.example.org/1.jpg")], 0, None, n_repeated=3)

        for _ in range(2):
            planning.plan_part(key)
        planning.plan_part(put_part(search, [], 1, 2, n_repeated=1, n_altered=1))

        session.refresh(search)
        assert (search.n_repeated, search.n_altered, search.n_candidates) == (4, 1, 1)

    @pytest.mark.parametrize("query", ["kitten", "cat"])
    def test_counts_what_another_search_found(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any, query: str
    ) -> None:
        """Searches for cat and cats, each with plurals, ask the same query."""
        urls = [f"https://a.example.org/{n}.jpg" for n in range(3)]
        planning.plan_part(put_part(search, [candidate(url) for url in urls]))
        other = factories.create_search(session, job, keyword="kitten")
        found = [candidate(url, query=query, keyword="kitten") for url in urls[1:]]

        planning.plan_part(put_part(other, found))

        session.refresh(other)
        assert (other.n_candidates, other.n_repeated) == (0, 2)

    @pytest.mark.parametrize("query", ["cat", "cats"])
    def test_counts_nothing_that_the_search_itself_found_before(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any, query: str
    ) -> None:
        url = "https://a.example.org/1.jpg"
        planning.plan_part(put_part(search, [candidate(url)], n_parts=None))
        search.attempt, search.planned_parts = 2, []
        session.commit()

        planning.plan_part(put_part(search, [candidate(url, query=query)], attempt=2))

        session.refresh(search)
        assert (search.n_candidates, search.n_repeated) == (1, 0)

    def test_keeps_refused_candidates_without_fetching_them(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any
    ) -> None:
        planning.plan_part(
            put_part(
                search, [candidate("https://a.example.org/1.jpg", refused=Outcome.refused_licence)]
            )
        )

        image = session.scalars(select(Image)).one()
        assert (image.status, image.outcome) == (ImageStatus.refused, Outcome.refused_licence)
        assert queues.bodies("chunks") == []
        session.refresh(job)
        assert job.status is JobStatus.completed

    def test_keeps_the_sides_that_a_source_states_until_the_picture_is_fetched(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any
    ) -> None:
        line = candidate("https://a.example.org/1.jpg", width=640, height=480)

        planning.plan_part(put_part(search, [line]))

        image = session.scalars(select(Image)).one()
        assert (image.width, image.height) == (640, 480)

    def test_completes_a_job_whose_search_finds_nothing(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any
    ) -> None:
        planning.plan_part(put_part(search, []))

        session.refresh(job)
        assert job.status is JobStatus.completed

    def test_fails_a_job_whose_only_search_failed(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any
    ) -> None:
        error = SearchError("MalformedManifestError", "Line 3 is not JSON.")

        planning.plan_part(put_part(search, [], error=error))

        session.refresh(job)
        assert (job.status, job.error_message) == (JobStatus.failed, "Line 3 is not JSON.")

    def test_ignores_a_part_that_comes_after_the_cancel(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any
    ) -> None:
        job.status = JobStatus.cancelled
        session.commit()

        planning.plan_part(put_part(search, [candidate("https://a.example.org/1.jpg")]))

        assert chunks_of(session, job) == []

    def test_ignores_a_part_of_a_job_that_is_gone(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any
    ) -> None:
        key = put_part(search, [candidate("https://a.example.org/1.jpg")])
        session.delete(job)
        session.commit()

        assert planning.plan_part(key) == 0

    def test_completes_a_search_that_ended_earlier_when_made_again(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any
    ) -> None:
        planning.plan_part(put_part(search, [candidate("https://a.example.org/1.jpg")], 0, None))
        planning.plan_part(put_part(search, [candidate("https://a.example.org/2.jpg")], 1, None))

        planning.plan_part(put_part(search, [candidate("https://a.example.org/1.jpg")], 0, 1))

        session.refresh(search)
        assert (search.status, search.n_candidates) == (WorkStatus.completed, 2)

    def test_lets_only_the_latest_attempt_say_how_a_search_ended(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any
    ) -> None:
        search.attempt = 2
        session.commit()
        error = SearchError("SourceRefusedError", "The key has expired.")
        planning.plan_part(
            put_part(search, [candidate("https://a.example.org/1.jpg")], error=error)
        )
        session.refresh(search)
        assert (search.status, search.n_candidates) == (WorkStatus.queued, 1)

        planning.plan_part(put_part(search, [candidate("https://a.example.org/2.jpg")], attempt=2))

        session.refresh(search)
        assert (search.status, search.error_message) == (WorkStatus.completed, None)

    def test_gives_a_host_lanes_that_becomes_busy_over_several_parts(
        self, session: Session, job: CrawlJob, search: JobSearch, queues: Any
    ) -> None:
        for part in (1, 2):
            urls = [f"https://busy.example.org/{part}/{n}.jpg" for n in range(40)]
            planning.plan_part(put_part(search, [candidate(url) for url in urls], part, None))

        assert [chunk.lane for chunk in chunks_of(session, job)] == [None, "busy.example.org#0"]

    @pytest.mark.parametrize(
        ("n_parts", "lanes"), [(1, {None}), (None, {None, "busy0.example.org#0"})]
    )
    def test_gives_hosts_lanes_from_the_beginning_of_a_search_that_goes_on(
        self,
        session: Session,
        job: CrawlJob,
        search: JobSearch,
        n_parts: int | None,
        lanes: set[str | None],
    ) -> None:
        hosts = [f"busy{n % 16}" for n in range(320)] + [f"rare{n}" for n in range(680)]
        urls = [f"https://{host}.example.org/{n}.jpg" for n, host in enumerate(hosts)]

        planning.plan_part(put_part(search, [candidate(url) for url in urls], 0, n_parts))

        chunks = chunks_of(session, job)
        assert {chunk.lane for chunk in chunks} == lanes
        if n_parts is None:
            assert sum(chunk.n_urls for chunk in chunks if chunk.lane) == 320


class TestDefer:
    def hand_back(self, search: JobSearch) -> None:
        key = keys.deferral(search.id)
        objects.put(key, pack(Deferral(search.crawl_job_id, search.id, 1, 7200)))
        app.plan_named(Delivery("m", json.dumps(ObjectNotice(key).to_json()), 1, "handle"))

    def test_puts_the_search_off_for_as_long_as_its_source_asks(
        self, session: Session, search: JobSearch
    ) -> None:
        self.hand_back(search)

        session.refresh(search)
        assert search.status is WorkStatus.pending
        assert search.not_before is not None
        wait = search.not_before - datetime.now(UTC)
        assert timedelta(minutes=119) < wait < timedelta(minutes=121)

    @pytest.mark.parametrize(
        "moved",
        [{"status": WorkStatus.completed}, {"status": WorkStatus.cancelled}, {"attempt": 2}],
    )
    def test_leaves_one_alone_that_has_moved(
        self, session: Session, job: CrawlJob, moved: dict[str, Any]
    ) -> None:
        search = factories.create_search(session, job, **moved)

        self.hand_back(search)

        session.refresh(search)
        assert search.not_before is None

    def test_sends_a_search_again_that_made_way_once_for_each_pause(
        self, session: Session, search: JobSearch, queues: Any
    ) -> None:
        key = keys.deferral(search.id)
        notice = Delivery("m", json.dumps(ObjectNotice(key).to_json()), 1, "handle")
        for n_pauses in (1, 1, 2):
            told = Deferral(search.crawl_job_id, search.id, 1, seconds=0, n_pauses=n_pauses)
            objects.put(key, pack(told))
            app.plan_named(notice)
        outbox.relay()

        sent = [json.loads(body) for body in queues.bodies("discover")]
        assert [message["n_pauses"] for message in sent] == [1, 2]
        session.refresh(search)
        assert (search.n_pauses, search.last_error, search.not_before) == (2, None, None)
