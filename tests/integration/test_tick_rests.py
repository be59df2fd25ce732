"""Where the database may pause, the tick asks it only while there is work."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.accounts import waking
from crawlset.kit import objects
from crawlset.models import CrawlJob, FolderRemoval, JobStatus, OutboxMessage, Target
from crawlset.tick import resting
from crawlset.wire import keys
from crawlset.wire.notices import ObjectNotice
from functions.tick import app
from tests import factories
from tests.integration.api import Api
from tests.invocations import CONTEXT

pytestmark = [
    pytest.mark.role("crawlset_tick"),
    pytest.mark.usefixtures("bucket", "queues"),
]


@pytest.fixture(autouse=True)
def _pausing(session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """With nothing due that tests have left behind which commit what they do."""
    session.execute(delete(FolderRemoval))
    monkeypatch.setenv("DATABASE_PAUSES", "true")
    settings.pausing_settings.cache_clear()
    waking.forget()
    yield
    settings.pausing_settings.cache_clear()
    waking.forget()


def tick(**event: Any) -> dict[str, Any]:
    return app.handler(event, CONTEXT)


def leave_message(session: Session) -> None:
    session.add(OutboxMessage(target=Target.plan, body=ObjectNotice("k").to_json()))
    session.commit()


def rest() -> dict[str, float]:
    kept: dict[str, float] = json.loads(objects.get(keys.TICK_RESTS))
    return kept


class TestRest:
    def test_follows_a_round_with_nothing_to_do(self, session: Session, queues: Any) -> None:
        assert tick() != {}
        leave_message(session)

        assert tick() == {}
        assert queues.bodies("plan") == []

    def test_lasts_six_hours_at_most(self, session: Session) -> None:
        tick()

        assert 0 < rest()["until"] - time.time() <= 6 * 3600
        assert not resting.is_resting(datetime.now(UTC) + timedelta(hours=6))

    def test_is_ended_by_a_caller_who_writes(self, session: Session, queues: Any) -> None:
        tick()
        waking.note_writing()
        leave_message(session)

        tick()

        assert len(queues.bodies("plan")) == 1

    def test_begins_minutes_after_the_last_who_wrote(self, session: Session) -> None:
        waking.note_writing()

        tick()

        assert not resting.is_resting(datetime.now(UTC))
        assert resting.begin(datetime.now(UTC) + resting.SETTLED + timedelta(seconds=2))

    def test_is_ended_by_whoever_wants_everything_sent_again(self, session: Session) -> None:
        tick()

        create_running_job(session)

        assert tick(requeue=True) != {}
        assert tick() != {}

    def test_ends_before_a_schedule_is_due(self, session: Session) -> None:
        project = factories.create_project(session, factories.create_profile(session))
        template = factories.create_template(session, project)
        due = datetime.now(UTC) + timedelta(hours=1)
        factories.create_schedule(session, template, next_run_at=due)
        session.commit()

        tick()

        assert rest()["until"] == pytest.approx((due - resting.EARLIER).timestamp(), abs=1)

    def test_waits_for_a_job_that_runs(self, session: Session) -> None:
        create_running_job(session)

        tick()

        assert not objects.exists(keys.TICK_RESTS)

    def test_waits_for_what_a_job_has_left_behind(self, session: Session) -> None:
        job = create_running_job(session)
        job.status = JobStatus.completed
        job.finished_at = datetime.now(UTC) - timedelta(minutes=69)
        session.commit()
        tick()
        assert not objects.exists(keys.TICK_RESTS)
        job.finished_at = datetime.now(UTC) - timedelta(minutes=71)
        session.commit()

        for _ in range(3):
            tick()

        assert objects.exists(keys.TICK_RESTS)

    def test_waits_for_a_round_that_did_something(self, session: Session) -> None:
        leave_message(session)

        tick()

        assert not objects.exists(keys.TICK_RESTS)

    def test_is_none_where_the_database_does_not_pause(
        self, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_PAUSES", "false")
        settings.pausing_settings.cache_clear()

        tick()
        waking.note_writing()

        assert not objects.exists(keys.TICK_RESTS)
        assert not objects.exists(keys.CALLERS_WRITE)


def create_running_job(session: Session) -> CrawlJob:
    project = factories.create_project(session, factories.create_profile(session))
    job = factories.create_crawl_job(session, project, status=JobStatus.running)
    factories.create_chunk(session, job)
    session.commit()
    return job


@pytest.mark.role("crawlset_api")
class TestCallers:
    def test_note_that_they_write_before_they_do(self, api: Api) -> None:
        api.call("GET", "/api/projects")
        assert not objects.exists(keys.CALLERS_WRITE)

        api.call("POST", "/api/projects", body={"name": "Cats"})

        assert objects.exists(keys.CALLERS_WRITE)

    def test_note_it_once_in_minutes(self, api: Api) -> None:
        api.call("POST", "/api/projects", body={"name": "Cats"})
        objects.delete(keys.CALLERS_WRITE)

        api.call("POST", "/api/projects", body={"name": "Dogs"})

        assert not objects.exists(keys.CALLERS_WRITE)
