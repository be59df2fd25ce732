"""What can be done with a job that was cancelled."""

from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from crawlset.crawls import recording, service
from crawlset.crawls.sweeping import sweep
from crawlset.images.repository import ImageRepository
from crawlset.jobs.crawl_repository import CrawlRepository
from crawlset.kit import db, objects
from crawlset.models import (
    CrawlJob,
    Image,
    JobChunk,
    JobEvent,
    JobSearch,
    JobStatus,
    Project,
    WorkStatus,
)
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.wire import keys
from crawlset.wire.chunks import ChunkHead, ChunkMessage, ChunkUrl
from crawlset.wire.record import unpack
from crawlset.wire.searches import DiscoverMessage
from tests import factories
from tests.integration.api import Api
from tests.integration.outcomes import create_open_chunk, put_outcome, result

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    """Has stored one picture, and fetches two more."""
    job = factories.create_crawl_job(session, project)
    done = factories.create_chunk(session, job, status=WorkStatus.completed, outcomes={"stored": 1})
    factories.create_image(session, done)
    create_open_chunk(session, job, 2)
    factories.create_search(session, job, status=WorkStatus.queued, planned_parts=[0])
    return job


@pytest.fixture
def path(job: CrawlJob) -> str:
    return f"/api/projects/{job.project_id}/crawl-jobs/{job.id}"


@pytest.fixture
def cancelled(api: Api, path: str, bucket: str, queues: Any) -> None:
    status, _ = api.call("POST", f"{path}/cancel")
    assert status == 200


def chunks_of(session: Session, job: CrawlJob, status: WorkStatus) -> list[JobChunk]:
    session.expire_all()
    statement = select(JobChunk).where(JobChunk.crawl_job_id == job.id, JobChunk.status == status)
    return list(session.scalars(statement))


def images_of(session: Session, chunk: JobChunk) -> list[Image]:
    session.expire_all()
    statement = select(Image).where(Image.chunk_id == chunk.id).order_by(Image.ordinal)
    return list(session.scalars(statement))


@pytest.mark.usefixtures("cancelled")
class TestStored:
    def test_is_validated_and_exported(self, api: Api, path: str) -> None:
        validated, _ = api.call("POST", f"{path}/validation-jobs", {})
        exported, _ = api.call("POST", f"{path}/export-jobs", {"format": "imagefolder"})

        assert (validated, exported) == (201, 201)

    @pytest.mark.parametrize("state", [JobStatus.pending, JobStatus.running, JobStatus.failed])
    def test_is_not_there_yet_or_never(
        self, session: Session, api: Api, job: CrawlJob, path: str, state: JobStatus
    ) -> None:
        session.refresh(job)
        job.status = state
        session.commit()

        status, problem = api.call("POST", f"{path}/export-jobs", {"format": "imagefolder"})

        assert (status, problem["code"]) == (409, "CrawlJobNotCompletedError")


@pytest.mark.usefixtures("cancelled")
class TestRetry:
    def test_takes_up_what_was_cancelled(
        self, session: Session, api: Api, job: CrawlJob, path: str, queues: Any
    ) -> None:
        queues.bodies("discover")

        status, body = api.call("POST", f"{path}/retry")

        assert (status, body["status"], body["finished_at"]) == (200, "running", None)
        progress = {name: n for name, n in body["progress"].items() if n}
        assert progress == {"candidates": 3, "stored": 1, "pending": 2}
        (chunk,) = map(ChunkMessage.from_json, queues.bodies("chunks"))
        (search,) = map(DiscoverMessage.from_json, queues.bodies("discover"))
        input_key = keys.chunk_input(job.id, chunk.chunk_id, 1)
        head, lines = unpack(ChunkHead, ChunkUrl, objects.get_lines(input_key))
        assert (head.run, search.run, search.attempt, len(lines)) == (2, 2, 2, 2)

    def test_is_not_stopped_by_the_tombstone_of_the_cancel(
        self, api: Api, job: CrawlJob, path: str
    ) -> None:
        api.call("POST", f"{path}/retry")

        assert objects.exists(keys.cancelled(job.id, 1))
        assert not objects.exists(keys.cancelled(job.id, 2))

    def test_is_stopped_by_another_cancel(self, api: Api, job: CrawlJob, path: str) -> None:
        api.call("POST", f"{path}/retry")

        status, body = api.call("POST", f"{path}/cancel")

        assert (status, body["progress"]["cancelled"]) == (200, 2)
        assert objects.exists(keys.cancelled(job.id, 2))

    def test_leaves_refusals_alone(
        self, session: Session, api: Api, job: CrawlJob, path: str
    ) -> None:
        (stopped,) = chunks_of(session, job, WorkStatus.cancelled)
        refused, _ = images_of(session, stopped)
        refused.status, refused.outcome = ImageStatus.refused, Outcome.refused_robots
        session.commit()

        _, body = api.call("POST", f"{path}/retry")

        assert (body["progress"]["refused"], body["progress"]["pending"]) == (1, 1)

    def test_counts_right_what_the_cancel_has_not_settled_yet(
        self, session: Session, api: Api, job: CrawlJob, path: str
    ) -> None:
        (stopped,) = chunks_of(session, job, WorkStatus.cancelled)
        open_, _ = images_of(session, stopped)
        open_.status, open_.outcome = ImageStatus.pending, None
        session.commit()

        _, before = api.call("POST", f"{path}/retry")
        with db.transaction() as again:
            db.act_for(again, job.user_id)
            ImageRepository(again).cancel_left_over(100, job)
        _, after = api.call("GET", path)

        assert before["progress"] == after["progress"]
        assert (after["progress"]["cancelled"], after["progress"]["pending"]) == (1, 1)

    def test_is_told_as_an_event(
        self, session: Session, api: Api, job: CrawlJob, path: str
    ) -> None:
        api.call("POST", f"{path}/retry")

        events = session.scalars(
            select(JobEvent.type).where(JobEvent.crawl_job_id == job.id).order_by(JobEvent.id)
        ).all()
        assert [e for e in events if e.startswith("crawl_job")] == [
            "crawl_job.created",
            "crawl_job.cancelled",
            "crawl_job.reopened",
        ]

    def test_searches_anew_what_waited_for_its_source(
        self, session: Session, api: Api, job: CrawlJob, path: str
    ) -> None:
        (search,) = session.scalars(select(JobSearch).where(JobSearch.crawl_job_id == job.id))
        search.not_before = func.now() + text("interval '1 day'")
        session.commit()

        api.call("POST", f"{path}/retry")

        session.refresh(search)
        assert (search.status, search.not_before) == (WorkStatus.queued, None)

    def test_leaves_a_search_that_cannot_be_read_as_it_ended(
        self, session: Session, api: Api, job: CrawlJob, path: str
    ) -> None:
        (search,) = session.scalars(select(JobSearch).where(JobSearch.crawl_job_id == job.id))
        search.request, search.status = {"keyword": 7}, WorkStatus.failed
        session.commit()

        status, _ = api.call("POST", f"{path}/retry")

        session.refresh(search)
        assert (status, search.status) == (200, WorkStatus.failed)


@pytest.mark.role("crawlset_worker")
@pytest.mark.usefixtures("queues")
class TestRecordOutcome:
    @pytest.fixture(autouse=True)
    def _retried(self, bucket: str, session: Session, job: CrawlJob, queues: Any) -> None:
        for act in (service.cancel, service.retry):
            with db.transaction() as again:
                CrawlRepository(again).find(job.id)
                act(again, job.project_id, job.id)
        session.expire_all()

    def test_leaves_alone_what_was_retried_when_a_stopped_fetcher_says_it_late(
        self, session: Session, job: CrawlJob
    ) -> None:
        (anew,) = chunks_of(session, job, WorkStatus.queued)
        stopped = session.scalars(
            select(JobChunk).where(JobChunk.status == WorkStatus.cancelled)
        ).one()

        n_settled = recording.record_outcome(put_outcome(stopped, [result(0), result(1)]))

        assert n_settled == 0
        assert [image.status for image in images_of(session, anew)] == [ImageStatus.pending] * 2

    def test_completes_the_job_as_if_it_had_never_been_cancelled(
        self, session: Session, job: CrawlJob
    ) -> None:
        (anew,) = chunks_of(session, job, WorkStatus.queued)
        (search,) = session.scalars(select(JobSearch).where(JobSearch.crawl_job_id == job.id))
        search.status = WorkStatus.completed
        session.commit()

        recording.record_outcome(put_outcome(anew, [result(0, content=b"a"), result(1, "timeout")]))

        session.expire_all()
        (counts,) = CrawlRepository(session).count([job.id]).values()
        assert job.status is JobStatus.completed
        assert counts.outcomes == {"stored": 2, "timeout": 1}


@pytest.mark.usefixtures("cancelled")
def test_a_job_is_reopened_only_once_it_has_ended(session: Session, job: CrawlJob) -> None:
    repository = CrawlRepository(session)

    assert [repository.reopen(job), repository.reopen(job)] == [True, False]
    assert job.run == 2


@pytest.mark.role("crawlset_tick")
def test_the_tick_leaves_no_tombstone_for_a_job_that_was_retried(
    session: Session, job: CrawlJob, queues: Any
) -> None:
    job.status, job.finished_at, job.run = JobStatus.cancelled, func.now(), 3
    session.commit()

    sweep()

    assert objects.exists(keys.cancelled(job.id, 3))
    assert not objects.exists(keys.cancelled(job.id, 1))
