"""The tick's part: start what is due."""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

from botocore.exceptions import BotoCoreError, ClientError
from cronsim import CronSimError
from pydantic import ValidationError
from sqlalchemy.orm import Session

from crawlset.accounts.quotas import AccountFullError
from crawlset.crawls import service as crawls
from crawlset.crawls.schemas import CrawlJobCreate
from crawlset.errors import AppError
from crawlset.kit import db
from crawlset.models import CrawlSchedule, JobTemplate
from crawlset.observability import logger
from crawlset.schedules.clock import Timing
from crawlset.schedules.repository import ScheduleRepository

BATCH = 100
LATE = timedelta(minutes=5)
"""A run that begins so long after its time was missed."""


def fire_due() -> int:
    """
    Start a crawl job for each schedule that is due, once however many runs were missed.

    Each schedule advances in the transaction that makes its job, so two ticks make one job. A
    template that makes no job any more is logged, and the schedule advances all the same. A run
    that the account has no room for stays due if the schedule catches up. Such an account is
    asked once a tick and counts for nothing, so that it keeps no other back.
    """
    full: set[UUID] = set()
    n_due = 0
    while n_due - len(full) < BATCH and _fire_one(full):
        n_due += 1
    return n_due - len(full)


def _fire_one(full: set[UUID]) -> bool:
    with db.transaction() as session:
        due = ScheduleRepository(session).lock_due(1, full)
        for schedule, template in due:
            now = db.now(session)
            is_lost = now - schedule.next_run_at > LATE and not schedule.catches_up
            next_run_at = _next_run_at(schedule, now)
            if next_run_at is None:
                schedule.is_paused = True
            elif is_lost or _start(session, schedule, template, now):
                schedule.next_run_at = next_run_at
            else:
                full.add(schedule.user_id)
    return bool(due)


def _next_run_at(schedule: CrawlSchedule, now: datetime) -> datetime | None:
    """None for a schedule that never runs again: it must be paused, or it keeps others back."""
    timing = Timing(schedule.cron, schedule.rate_seconds, schedule.timezone)
    try:
        return timing.next(now, schedule.next_run_at)
    except (CronSimError, StopIteration, ZoneInfoNotFoundError, ValueError) as error:
        logger.warning("schedule_paused", schedule_id=str(schedule.id), error=repr(error))
        return None


def _start(session: Session, schedule: CrawlSchedule, template: JobTemplate, now: datetime) -> bool:
    """Say whether the schedule may advance: not if the run waits for room."""
    try:
        with session.begin_nested():
            request = CrawlJobCreate.model_validate(template.configuration)
            created = crawls.create(
                session,
                schedule.user_id,
                schedule.project_id,
                request,
                schedule_id=schedule.id,
            )
    except AccountFullError as error:
        event = "schedule_waits" if schedule.catches_up else "schedule_skipped"
        logger.warning(event, schedule_id=str(schedule.id), error=str(error))
        return not schedule.catches_up
    except (AppError, ValidationError, BotoCoreError, ClientError) as error:
        logger.warning("schedule_failed", schedule_id=str(schedule.id), error=str(error))
    else:
        schedule.last_run_at = now
        logger.info("schedule_fired", schedule_id=str(schedule.id), job_id=str(created.job.id))
    return True
