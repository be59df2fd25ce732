"""Pictures that were fetched and could not be stored: the job tries again, and then says so."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset.crawls import recording
from crawlset.crawls.recording import MAX_UNSTORED
from crawlset.models import CrawlJob, Image, JobChunk, JobStatus
from crawlset.outcomes import Outcome
from crawlset.wire.outcomes import unstored
from tests.integration.api import Api
from tests.integration.outcomes import create_open_chunk, put_outcome, result

pytestmark = [pytest.mark.usefixtures("bucket", "queues")]
FULL = "no room left for the pack"


def later_chunks(session: Session, chunk: JobChunk) -> list[JobChunk]:
    session.expire_all()
    others = select(JobChunk).where(JobChunk.id != chunk.id).order_by(JobChunk.not_before)
    return list(session.scalars(others))


@pytest.mark.role("crawlset_worker")
class TestRecordOutcome:
    def test_has_them_fetched_again_later_and_keeps_the_job_running(
        self, session: Session, job: CrawlJob
    ) -> None:
        chunk = create_open_chunk(session, job, 3)

        recording.record_outcome(
            put_outcome(chunk, [result(0), unstored(1, FULL), unstored(2, FULL)])
        )

        (later,) = later_chunks(session, chunk)
        assert (chunk.outcomes, later.n_urls, job.status) == ({"stored": 1}, 2, JobStatus.running)
        assert later.error_message == "Pictures could not be stored; they are fetched again."

    @pytest.mark.parametrize(("n_deferrals", "minutes"), [(0, 1), (1, 2), (MAX_UNSTORED - 1, 32)])
    def test_waits_longer_each_time(
        self, session: Session, job: CrawlJob, n_deferrals: int, minutes: int
    ) -> None:
        chunk = create_open_chunk(session, job, 1, n_deferrals=n_deferrals)

        recording.record_outcome(put_outcome(chunk, [unstored(0, FULL)]))

        (later,) = later_chunks(session, chunk)
        now = session.scalars(select(func.now())).one()
        assert later.not_before == now + timedelta(minutes=minutes)

    def test_fails_the_job_with_the_reason_when_nothing_can_be_stored_in_the_end(
        self, session: Session, job: CrawlJob
    ) -> None:
        chunk = create_open_chunk(session, job, 3, n_deferrals=MAX_UNSTORED)

        recording.record_outcome(
            put_outcome(chunk, [unstored(0, FULL), unstored(1, FULL), result(2, "http_404")])
        )

        session.refresh(job)
        assert later_chunks(session, chunk) == []
        assert session.scalars(select(Image.outcome).order_by(Image.ordinal)).all() == [
            Outcome.worker_failed,
            Outcome.worker_failed,
            Outcome.http_404,
        ]
        assert (job.status, job.error_message) == (
            JobStatus.failed,
            f"Nothing was stored; 2 of 3 images failed on our side ({FULL}). They may be retried.",
        )

    def test_completes_a_job_that_has_stored_something(
        self, session: Session, job: CrawlJob
    ) -> None:
        chunk = create_open_chunk(session, job, 2, n_deferrals=MAX_UNSTORED)

        recording.record_outcome(put_outcome(chunk, [result(0), unstored(1, FULL)]))

        session.refresh(job)
        assert (job.status, job.error_message) == (JobStatus.completed, None)


class TestApi:
    def test_says_that_the_job_waits_for_room(
        self, session: Session, job: CrawlJob, api: Api, path: str, roles: list[str]
    ) -> None:
        chunk = create_open_chunk(session, job, 2)
        roles.append("crawlset_worker")
        recording.record_outcome(put_outcome(chunk, [unstored(0, FULL), unstored(1, FULL)]))
        roles.pop()

        _, body = api.call("GET", f"{path}/{job.id}")

        (wait,) = body["waiting"]
        (later,) = later_chunks(session, chunk)
        assert later.not_before is not None
        assert wait | {"until": None} == {
            "kind": "storage",
            "name": "storage",
            "reason": "Pictures could not be stored; they are fetched again.",
            "n_waiting": 2,
            "until": None,
        }
        assert wait["until"] is not None

    def test_retries_by_hand_what_could_not_be_stored(
        self, session: Session, job: CrawlJob, api: Api, path: str, roles: list[str]
    ) -> None:
        chunk = create_open_chunk(session, job, 1, n_deferrals=MAX_UNSTORED)
        roles.append("crawlset_worker")
        recording.record_outcome(put_outcome(chunk, [unstored(0, FULL)]))
        roles.pop()

        status, body = api.call("POST", f"{path}/{job.id}/retry")

        assert (status, body["status"]) == (200, "running")
