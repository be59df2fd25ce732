"""What only two ticks at once can show: rows are committed, and deleted after each test."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, CrawlSchedule, Profile
from crawlset.schedules import firing
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
