"""The tick's part: start what is due."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

from botocore.exceptions import BotoCoreError, ClientError
from cronsim import CronSimError
from pydantic import ValidationError
from sqlalchemy import func, select
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
RETRY_AFTER = timedelta(minutes=1)
LATE = timedelta(minutes=5)
"""A run that begins so long after its time was missed."""


def fire_due() -> int:
    """
    Start a crawl job for each schedule that is due, once however many runs were missed.

    Each schedule advances in the transaction that makes its job, so two ticks make one job. A
    template that makes no job any more is logged, and the schedule advances all the same; a run
    that the account has no room for is tried again each minute if the schedule catches up.
    """
    n_fired = 0
    while n_fired < BATCH and _fire_one():
        n_fired += 1
    return n_fired


def _fire_one() -> bool:
    with db.transaction() as session:
        due = ScheduleRepository(session).lock_due(limit=1)
        for schedule, template in due:
            now: datetime = session.execute(select(func.now())).scalar_one()
            is_missed = now - schedule.next_run_at > LATE
            if _advance(session, schedule, now) and (schedule.catches_up or not is_missed):
                _start(session, schedule, template, now)
    return bool(due)


def _advance(session: Session, schedule: CrawlSchedule, now: datetime) -> bool:
    """To the next run; a schedule that has none is paused, so that it keeps no other back."""
    timing = Timing(schedule.cron, schedule.rate_seconds, schedule.timezone)
    try:
        schedule.next_run_at = timing.next(now, schedule.next_run_at)
    except (CronSimError, StopIteration, ZoneInfoNotFoundError, ValueError) as error:
        schedule.is_paused = True
        logger.warning("schedule_paused", schedule_id=str(schedule.id), error=repr(error))
    session.flush()
    return not schedule.is_paused


def _start(session: Session, schedule: CrawlSchedule, template: JobTemplate, now: datetime) -> None:
    try:
        with session.begin_nested():
            request = CrawlJobCreate.model_validate(template.configuration)
            job = crawls.create(
                session,
                schedule.user_id,
                schedule.project_id,
                request,
                schedule_id=schedule.id,
            )
    except AccountFullError as error:
        if schedule.catches_up:
            schedule.next_run_at = min(schedule.next_run_at, now + RETRY_AFTER)
        logger.warning("schedule_waits", schedule_id=str(schedule.id), error=str(error))
    except (AppError, ValidationError, BotoCoreError, ClientError) as error:
        logger.warning("schedule_failed", schedule_id=str(schedule.id), error=str(error))
    else:
        schedule.last_run_at = now
        logger.info("schedule_fired", schedule_id=str(schedule.id), job_id=str(job.id))
