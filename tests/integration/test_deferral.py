"""URLs whose host wants to be left alone go to a later chunk, and only the tick sends it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from crawlset.crawls import recording
from crawlset.crawls.recording import MAX_DEFERRALS
from crawlset.crawls.sweeping import sweep
from crawlset.jobs.crawl_repository import CrawlRepository
from crawlset.kit import objects
from crawlset.models import CrawlJob, Image, JobChunk, JobStatus, WorkStatus
from crawlset.outcomes import Outcome
from crawlset.wire import keys
from crawlset.wire.chunks import ChunkHead, ChunkMessage, ChunkUrl
from crawlset.wire.outcomes import Cause, Defer
from crawlset.wire.record import unpack
from tests.integration.api import Api
from tests.integration.outcomes import create_open_chunk, put_outcome, result

pytestmark = pytest.mark.usefixtures("bucket")


def deferred(n: int, seconds: float = 60, cause: Cause = "retry_after", **fields: Any) -> Any:
    return result(n, "http_429", defer=Defer(seconds, cause), **fields)


def chunks_after(session: Session, chunk: JobChunk) -> list[JobChunk]:
    """The other chunks of its job, in the order they are due."""
    session.expire_all()
    others = select(JobChunk).where(
        JobChunk.crawl_job_id == chunk.crawl_job_id, JobChunk.id != chunk.id
    )
    return list(session.scalars(others.order_by(JobChunk.not_before, JobChunk.lane)))


def now(session: Session) -> datetime:
    moment: datetime = session.scalars(select(func.now())).one()
    return moment


@pytest.mark.role("crawlset_worker")
class TestRecordOutcome:
    def test_moves_what_is_deferred_to_a_later_chunk(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        chunk = create_open_chunk(session, job, 3)

        recording.record_outcome(
            put_outcome(chunk, [result(0), deferred(1, 90, n_retries=1), deferred(2, 90)])
        )

        (later,) = chunks_after(session, chunk)
        assert (chunk.status, chunk.n_urls, chunk.outcomes) == (
            WorkStatus.completed,
            1,
            {"stored": 1},
        )
        assert (later.status, later.n_urls, later.outcomes) == (WorkStatus.pending, 2, {})
        assert later.not_before == now(session) + timedelta(minutes=2)
        moved = session.scalars(
            select(Image).where(Image.chunk_id == later.id).order_by(Image.ordinal)
        ).all()
        assert [(i.ordinal, i.outcome, i.n_retries, i.n_deferrals) for i in moved] == [
            (0, None, 1, 1),
            (1, None, 0, 1),
        ]
        assert queues.bodies("chunks") == []

    def test_gives_hosts_their_one_spelling_in_the_lanes_of_later_chunks(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        chunk = create_open_chunk(session, job, 51, host="münchen.de.")

        recording.record_outcome(put_outcome(chunk, [deferred(n) for n in range(51)]))

        assert [later.lane for later in chunks_after(session, chunk)] == ["xn--mnchen-3ya.de#0"]

    def test_counts_every_candidate_once_and_keeps_the_job_running(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        chunk = create_open_chunk(session, job, 3)

        recording.record_outcome(
            put_outcome(chunk, [result(0), deferred(1), result(2, "http_404")])
        )

        session.refresh(job)
        counts = CrawlRepository(session).count([job.id])[job.id]
        assert job.status is JobStatus.running
        assert (counts.n_candidates, dict(counts.outcomes)) == (3, {"stored": 1, "http_404": 1})

    def test_changes_nothing_the_second_time(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        chunk = create_open_chunk(session, job, 1)
        key = put_outcome(chunk, [deferred(0)])
        recording.record_outcome(key)

        assert recording.record_outcome(key) == 0

        assert len(chunks_after(session, chunk)) == 1
        assert session.scalars(select(Image.n_deferrals)).all() == [1]

    def test_settles_what_was_deferred_often_enough(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        chunk = create_open_chunk(session, job, 1, n_deferrals=MAX_DEFERRALS)

        recording.record_outcome(put_outcome(chunk, [deferred(0)]))

        session.refresh(job)
        assert session.scalars(select(Image.outcome)).all() == [Outcome.http_429]
        assert (chunks_after(session, chunk), job.status) == ([], JobStatus.completed)

    def test_gives_a_last_turn_before_that(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        chunk = create_open_chunk(session, job, 1, n_deferrals=MAX_DEFERRALS - 1)

        recording.record_outcome(put_outcome(chunk, [deferred(0)]))

        assert session.scalars(select(Image.n_deferrals)).all() == [MAX_DEFERRALS]
        assert len(chunks_after(session, chunk)) == 1

    def test_never_tires_of_a_crawl_delay(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        chunk = create_open_chunk(session, job, 1, n_deferrals=MAX_DEFERRALS)

        recording.record_outcome(put_outcome(chunk, [deferred(0, cause="crawl_delay")]))

        assert session.scalars(select(Image.n_deferrals)).all() == [MAX_DEFERRALS]
        assert len(chunks_after(session, chunk)) == 1

    def test_waits_for_each_host_as_long_as_it_wants_and_a_day_at_most(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        chunk = create_open_chunk(session, job, 3)

        recording.record_outcome(
            put_outcome(chunk, [deferred(0, 61), deferred(1, 10**9), deferred(2, 59.5)])
        )

        waits = [later.not_before for later in chunks_after(session, chunk)]
        assert [wait and wait - now(session) for wait in waits] == [
            timedelta(minutes=1),
            timedelta(minutes=2),
            timedelta(days=1),
        ]

    def test_keeps_a_busy_host_in_its_lanes(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        chunk = create_open_chunk(session, job, 60, host="busy.example.org")

        recording.record_outcome(
            put_outcome(chunk, [*(result(n) for n in range(58)), deferred(58), deferred(59)])
        )

        (later,) = chunks_after(session, chunk)
        assert (later.lane, later.n_urls) == ("busy.example.org#0", 2)


@pytest.mark.role("crawlset_tick")
class TestSweep:
    def test_sends_a_deferred_chunk_when_its_time_has_come(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        chunk = create_open_chunk(session, job, 1, n_retries=1)
        chunk.status, chunk.not_before = WorkStatus.pending, now(session)
        session.commit()

        sweep()

        (message,) = map(ChunkMessage.from_json, queues.bodies("chunks"))
        assert message.chunk_id == chunk.id
        key = keys.chunk_input(job.id, chunk.id, 1)
        _, urls = unpack(ChunkHead, ChunkUrl, objects.get_lines(key))
        assert [(url.n, url.retries, url.known) for url in urls] == [(0, 1, None)]

    @pytest.mark.parametrize("everything", [False, True])
    def test_leaves_it_alone_before(
        self, session: Session, job: CrawlJob, queues: Any, *, everything: bool
    ) -> None:
        chunk = create_open_chunk(session, job, 1)
        chunk.status = WorkStatus.pending
        chunk.not_before = now(session) + timedelta(seconds=1)
        chunk.updated_at = datetime(2020, 1, 1, tzinfo=UTC)
        session.commit()

        swept = sweep(everything=everything)

        assert (swept["queued_chunks"], swept["pending_chunks"]) == (0, 0)
        assert queues.bodies("chunks") == []

    def test_does_not_take_a_chunk_that_waited_long_for_a_stalled_one(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        chunk = create_open_chunk(session, job, 1)
        chunk.status = WorkStatus.pending
        chunk.not_before = now(session) - timedelta(seconds=1)
        chunk.updated_at = datetime(2020, 1, 1, tzinfo=UTC)
        session.commit()
        sweep()
        queues.bodies("chunks")

        swept = sweep()

        session.refresh(chunk)
        assert (swept["queued_chunks"], swept["pending_chunks"], chunk.attempt) == (0, 0, 1)

    def test_sends_it_again_when_its_message_was_lost(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        chunk = create_open_chunk(session, job, 1)
        chunk.not_before = now(session) - timedelta(hours=2)
        chunk.updated_at = func.now() - text("interval '1 hour'")
        session.commit()

        sweep()

        (message,) = map(ChunkMessage.from_json, queues.bodies("chunks"))
        assert (message.chunk_id, message.attempt) == (chunk.id, 2)


@pytest.mark.usefixtures("queues")
class TestApi:
    def test_cancels_and_deletes_a_job_with_deferred_chunks(
        self, session: Session, job: CrawlJob
    ) -> None:
        chunk = create_open_chunk(session, job, 2)
        chunk.status = WorkStatus.pending
        chunk.not_before = now(session) + timedelta(hours=1)
        session.commit()
        api = Api(job.user_id)
        path = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}"

        _, shown = api.call("GET", f"{path}/chunks")
        _, cancelled = api.call("POST", f"{path}/cancel")
        status, _ = api.call("DELETE", path)

        assert shown["items"][0]["not_before"] is not None
        assert cancelled["progress"]["cancelled"] == cancelled["progress"]["candidates"] == 2
        assert status == 200
        assert api.call("GET", path)[0] == 404
