"""What only two ticks at once can show: rows are committed, and deleted after each test."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, create_engine, func, select, update
from sqlalchemy.orm import Session

from crawlset.kit import db
from crawlset.models import CrawlJob, CrawlSchedule, Profile
from crawlset.schedules import firing
from crawlset.tick import chores
from crawlset.tick.repository import ROUND_LOCK
from tests import factories
from tests.integration.threads import at_once

pytestmark = pytest.mark.usefixtures("queues")
N_SCHEDULES = 8


@pytest.fixture
def profile(owner: Session, own_connections: None, sample_source: None) -> Profile:
    """A committed profile with schedules that are due."""
    profile = factories.create_profile(owner, max_active_jobs=1_000)
    template = factories.create_template(owner, factories.create_project(owner, profile))
    for _ in range(N_SCHEDULES):
        factories.create_schedule(owner, template)
    return profile


class TestFireDue:
    def test_starts_one_job_a_run_from_two_ticks_at_once(
        self, engine: Engine, profile: Profile
    ) -> None:
        mine = CrawlSchedule.user_id == profile.id
        for n_runs in range(1, 5):
            at_once(firing.fire_due, firing.fire_due)

            with Session(engine) as session:
                jobs = select(CrawlJob.schedule_id, func.count()).group_by(CrawlJob.schedule_id)
                n_jobs = [n for _, n in session.execute(jobs.where(CrawlJob.user_id == profile.id))]
                assert n_jobs == [n_runs] * N_SCHEDULES
                long_due = func.now() - timedelta(days=3)
                session.execute(update(CrawlSchedule).where(mine).values(next_run_at=long_due))
                session.commit()


@pytest.fixture
def one_connection(
    engine: Engine, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A tick's pool as it is in Lambda, of one connection: it holds the lock of the round."""
    pool = create_engine(engine.url, pool_size=1, max_overflow=0)
    monkeypatch.setattr(db, "new_session", lambda: Session(pool, expire_on_commit=False))
    yield
    pool.dispose()


@contextmanager
def another_tick(engine: Engine) -> Iterator[None]:
    with engine.connect() as connection:
        assert connection.scalar(select(func.pg_try_advisory_lock(*ROUND_LOCK))) is True
        yield
        connection.invalidate()


@pytest.mark.usefixtures("one_connection")
class TestRound:
    def test_is_left_to_the_tick_that_is_at_it(self, engine: Engine, profile: Profile) -> None:
        with another_tick(engine):
            assert chores.tick() == {}

        assert chores.tick()["schedules"] == N_SCHEDULES

    def test_is_free_again_after_a_chore_that_fails(
        self, engine: Engine, profile: Profile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(firing, "fire_due", lambda: 1 / 0)

        done = chores.tick()

        assert done
        assert "schedules" not in done
        with another_tick(engine):
            pass

    def test_is_not_waited_for_when_queues_were_lost(
        self, engine: Engine, profile: Profile
    ) -> None:
        with another_tick(engine):
            assert chores.tick(requeue=True)["schedules"] == N_SCHEDULES
