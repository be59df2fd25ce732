from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from crawlset.crawls.schemas import FetchPolicyCreate
from crawlset.kit import objects
from crawlset.models import (
    CrawlJob,
    CrawlSchedule,
    Image,
    JobChunk,
    JobSearch,
    JobStatus,
    JobTemplate,
    OutboxMessage,
    Profile,
    Project,
    Target,
    WorkStatus,
)
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.schedules.clock import Timing
from crawlset.settings import MAX_ATTEMPTS
from crawlset.wire import keys
from crawlset.wire.chunks import ChunkMessage
from crawlset.wire.notices import ObjectNotice
from crawlset.wire.searches import DiscoverMessage
from functions.tick import app
from tests import factories
from tests.invocations import CONTEXT

pytestmark = [
    pytest.mark.role("crawlset_tick"),
    pytest.mark.usefixtures("bucket"),
]
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def tick(**event: Any) -> dict[str, Any]:
    return app.handler(event, CONTEXT)


def create_stalled_chunk(session: Session, job: CrawlJob, **overrides: Any) -> JobChunk:
    an_hour_ago = func.now() - text("interval '1 hour'")
    chunk = factories.create_chunk(session, job, **{"updated_at": an_hour_ago} | overrides)
    factories.create_image(session, chunk, status=ImageStatus.pending, ordinal=0)
    return chunk


class TestRelay:
    def test_sends_what_a_crash_left_in_the_outbox(self, session: Session, queues: Any) -> None:
        session.add(OutboxMessage(target=Target.plan, body=ObjectNotice("k").to_json()))
        session.commit()

        tick()

        assert len(queues.bodies("plan")) == 1


class TestSweep:
    def test_sends_a_stalled_chunk_again_as_another_attempt(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        chunk = create_stalled_chunk(session, job)

        tick()

        (message,) = map(ChunkMessage.from_json, queues.bodies("chunks"))
        assert (message.chunk_id, message.attempt) == (chunk.id, 2)
        assert objects.exists(keys.chunk_input(job.id, chunk.id, 2))

    def test_leaves_a_chunk_that_moves_alone(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        factories.create_chunk(session, job)

        tick()

        assert queues.bodies("chunks") == []

    @pytest.mark.parametrize("lane", [None, "a.example.org#0"])
    def test_leaves_a_chunk_alone_that_waits_in_a_busy_lane(
        self, session: Session, job: CrawlJob, queues: Any, lane: str | None
    ) -> None:
        create_stalled_chunk(session, job, lane=lane)
        factories.create_chunk(
            session, job, lane=lane, status=WorkStatus.completed, finished_at=func.now()
        )

        tick()

        assert queues.bodies("chunks") + queues.bodies("host_lanes") == []

    def test_sends_a_chunk_again_whose_message_must_be_gone_from_a_busy_lane(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        create_stalled_chunk(session, job, updated_at=datetime(2020, 1, 1, tzinfo=UTC))
        factories.create_chunk(session, job, status=WorkStatus.completed, finished_at=func.now())

        tick()

        assert len(queues.bodies("chunks")) == 1

    def test_leaves_a_search_alone_that_waits_for_a_busy_source(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        an_hour = func.now() - text("interval '1 hour'")
        factories.create_search(session, job, updated_at=an_hour)
        factories.create_search(session, job, status=WorkStatus.completed)

        tick()

        assert queues.bodies("discover") == []

    def test_sends_a_search_that_was_put_off_once_its_time_has_come(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        put_off = {"status": WorkStatus.pending, "updated_at": LONG_AGO}
        minute = text("interval '1 minute'")
        due = factories.create_search(session, job, not_before=func.now() - minute, **put_off)
        factories.create_search(session, job, not_before=func.now() + minute, **put_off)

        tick()

        (message,) = map(DiscoverMessage.from_json, queues.bodies("discover"))
        assert (message.search_id, message.attempt) == (due.id, 1)
        session.expire_all()
        assert (due.status, due.not_before) == (WorkStatus.queued, None)

    def test_sends_what_was_put_off_beside_a_search_that_cannot_be_read(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        due: dict[str, Any] = {
            "status": WorkStatus.pending,
            "not_before": func.now() - text("interval '1 minute'"),
        }
        factories.create_search(session, job, request={"keyword": 7}, **due)
        whole = factories.create_search(session, job, **due)

        tick()

        (message,) = map(DiscoverMessage.from_json, queues.bodies("discover"))
        assert message.search_id == whole.id

    def test_ends_a_search_that_cannot_be_read_once_its_parts_are_planned(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        broken = factories.create_search(session, job, request={"keyword": 7}, updated_at=LONG_AGO)
        part = keys.candidates(job.id, broken.id, 0)
        objects.put(part, b"")
        tick()
        session.expire_all()
        assert (broken.status, broken.error_message) == (WorkStatus.queued, None)
        assert [*map(ObjectNotice.from_json, queues.bodies("plan"))] == [ObjectNotice(part)]
        objects.delete(part)

        tick()

        session.expire_all()
        assert (broken.status, broken.error_message) == (
            WorkStatus.failed,
            "Its request cannot be read.",
        )
        assert queues.bodies("discover") == []

    def test_records_an_outcome_whose_event_never_came(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        chunk = create_stalled_chunk(session, job)
        key = keys.outcome(job.id, chunk.id)
        objects.put(key, b"")

        tick()

        assert [*map(ObjectNotice.from_json, queues.bodies("results"))] == [ObjectNotice(key)]
        assert queues.bodies("chunks") == []

    def test_gives_a_chunk_up_after_the_last_attempt(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        chunk = create_stalled_chunk(session, job, attempt=MAX_ATTEMPTS)

        tick()

        session.expire_all()
        assert session.scalars(select(Image.outcome)).all() == [Outcome.worker_failed]
        assert (chunk.status, job.status) == (WorkStatus.failed, JobStatus.failed)

    def test_dispatches_a_chunk_that_a_crash_left_pending(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        create_stalled_chunk(session, job, status=WorkStatus.pending, lane="a.example.org#0")

        tick()

        assert len(queues.bodies("host_lanes")) == 1

    def test_plans_parts_whose_event_never_came_and_searches_again(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        search = factories.create_search(session, job, updated_at=LONG_AGO, planned_parts=[0])
        for part in range(2):
            objects.put(keys.candidates(job.id, search.id, part), b"")

        tick()

        (plan,) = map(ObjectNotice.from_json, queues.bodies("plan"))
        (discover,) = map(DiscoverMessage.from_json, queues.bodies("discover"))
        assert plan.key == keys.candidates(job.id, search.id, 1)
        assert (discover.search_id, discover.attempt) == (search.id, 2)

    def test_fails_a_search_after_the_last_attempt(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        factories.create_search(session, job, updated_at=LONG_AGO, attempt=MAX_ATTEMPTS)

        tick()

        session.expire_all()
        assert (job.status, job.error_message) == (JobStatus.failed, "The search never ended.")

    def test_requeues_everything_on_demand_however_often_it_was_tried(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        past = func.now() - text("interval '1 second'")
        factories.create_search(session, job, attempt=MAX_ATTEMPTS, updated_at=past)
        chunk = factories.create_chunk(session, job, attempt=MAX_ATTEMPTS, updated_at=past)
        factories.create_image(session, chunk, status=ImageStatus.pending, ordinal=0)

        tick(requeue=True)

        assert len(queues.bodies("discover")) == 1
        assert len(queues.bodies("chunks")) == 1

    def test_writes_the_tombstone_that_a_crash_after_the_cancel_left_out(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        job.status, job.finished_at = JobStatus.cancelled, func.now()
        session.commit()

        tick()

        assert objects.exists(keys.cancelled(job.id, 1))

    def test_settles_the_images_that_a_cancel_left_open(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        chunk = factories.create_chunk(
            session, job, status=WorkStatus.cancelled, finished_at=func.now()
        )
        image = factories.create_image(session, chunk, status=ImageStatus.pending)

        tick()

        session.refresh(image)
        assert image.outcome is Outcome.cancelled


@pytest.mark.usefixtures("sample_source")
class TestSchedules:
    @pytest.fixture
    def schedule(self, session: Session, project: Project) -> CrawlSchedule:
        template = factories.create_template(session, project)
        return factories.create_schedule(session, template, timezone="Europe/Berlin")

    def test_starts_one_job_however_many_ticks_there_are(
        self, session: Session, schedule: CrawlSchedule, queues: Any
    ) -> None:
        tick()
        tick()

        (job,) = session.scalars(select(CrawlJob)).all()
        assert job.user_id == schedule.user_id
        assert len(queues.bodies("discover")) == 1
        session.refresh(schedule)
        assert schedule.next_run_at > datetime.now(UTC) - timedelta(seconds=5)

    def test_starts_a_job_that_fetches_and_stores_as_the_template_says(
        self, session: Session, schedule: CrawlSchedule, queues: Any
    ) -> None:
        template = session.get_one(JobTemplate, schedule.template_id)
        template.configuration = template.configuration | {
            "policy": {"tdmrep": False, "min_gap_seconds": 2},
            "resize": {"mode": "border", "size": 256},
        }
        session.commit()

        tick()

        job = session.scalars(select(CrawlJob)).one()
        assert (
            job.policy["fetch"] == FetchPolicyCreate(tdmrep=False, min_gap_seconds=2).model_dump()
        )
        assert job.policy["resize"] == {
            "mode": "border",
            "size": 256,
            "only_if_bigger": False,
            "format": "jpeg",
            "quality": 95,
        }

    def test_passes_a_paused_schedule_over(
        self, session: Session, schedule: CrawlSchedule, queues: Any
    ) -> None:
        schedule.is_paused = True
        session.commit()

        tick()

        assert session.scalars(select(CrawlJob)).all() == []

    @pytest.mark.parametrize(
        "broken", [{"cron": "nonsense"}, {"cron": "0 0 30 2 *"}, {"timezone": "Mars/Base"}]
    )
    def test_pauses_a_schedule_that_never_runs_and_goes_on(
        self,
        session: Session,
        schedule: CrawlSchedule,
        queues: Any,
        broken: dict[str, str],
    ) -> None:
        template = session.get_one(JobTemplate, schedule.template_id)
        earlier = schedule.next_run_at - timedelta(days=1)
        other = factories.create_schedule(session, template, next_run_at=earlier, **broken)

        tick()

        session.refresh(other)
        assert other.is_paused
        assert len(session.scalars(select(CrawlJob)).all()) == 1

    @pytest.mark.parametrize("catches_up", [True, False])
    def test_tries_again_what_the_account_has_no_room_for_if_it_catches_up(
        self,
        session: Session,
        schedule: CrawlSchedule,
        queues: Any,
        caplog: pytest.LogCaptureFixture,
        *,
        catches_up: bool,
    ) -> None:
        profile = session.get_one(Profile, schedule.user_id)
        profile.max_active_jobs = 0
        schedule.catches_up = catches_up
        schedule.next_run_at = planned = datetime.now(UTC) - timedelta(minutes=2)
        session.commit()

        tick()
        session.refresh(schedule)
        is_still_due = schedule.next_run_at == planned
        profile.max_active_jobs = 1
        session.commit()
        tick()

        assert is_still_due is catches_up
        assert ("schedule_waits" if catches_up else "schedule_skipped") in caplog.messages
        assert len(session.scalars(select(CrawlJob)).all()) == int(catches_up)

    def test_advances_past_a_template_that_makes_no_job(
        self, session: Session, schedule: CrawlSchedule, queues: Any
    ) -> None:
        template = session.get_one(JobTemplate, schedule.template_id)
        template.configuration = {"name": "broken"}
        session.commit()

        tick()

        session.refresh(schedule)
        assert schedule.next_run_at > LONG_AGO
        assert session.scalars(select(JobSearch)).all() == []


class TestNextRun:
    @pytest.mark.parametrize(
        ("after", "expected"),
        [
            ("2026-07-01T00:00:00+00:00", "2026-07-01T01:00:00+00:00"),
            ("2026-12-01T00:00:00+00:00", "2026-12-01T02:00:00+00:00"),
        ],
    )
    def test_follows_the_clock_of_the_time_zone(self, after: str, expected: str) -> None:
        daily = Timing("0 3 * * *", None, "Europe/Berlin")
        run = daily.next(datetime.fromisoformat(after))

        assert run == datetime.fromisoformat(expected)
