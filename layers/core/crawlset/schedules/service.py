from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from botocore.exceptions import BotoCoreError, ClientError
from cronsim import CronSim, CronSimError
from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset.crawls import service as crawls
from crawlset.crawls.schemas import CrawlJobCreate
from crawlset.errors import AppError
from crawlset.kit import db
from crawlset.models import CrawlSchedule, JobTemplate
from crawlset.observability import logger
from crawlset.schedules.repository import ScheduleRepository

BATCH = 100


def next_run(cron: str, timezone: str, after: datetime) -> datetime:
    """
    The first time after `after` that the expression names, in an IANA time zone.

    A time that the clock skips in spring runs when it goes on; one that it repeats runs once.
    """
    return next(CronSim(cron, after.astimezone(ZoneInfo(timezone))))


def fire_due() -> int:
    """
    Start a crawl job for each schedule that is due, once however many runs were missed.

    Each schedule advances in the transaction that makes its job, so two ticks make one job. A
    template that makes no job any more is logged, and the schedule advances all the same.
    """
    n_fired = 0
    while n_fired < BATCH and _fire_one():
        n_fired += 1
    return n_fired


def _fire_one() -> bool:
    with db.transaction() as session:
        due = ScheduleRepository(session).lock_due(limit=1)
        for schedule, template in due:
            if _advance(session, schedule):
                _start(session, schedule, template)
    return bool(due)


def _advance(session: Session, schedule: CrawlSchedule) -> bool:
    """To the next run; a schedule that has none is paused, so that it keeps no other back."""
    now: datetime = session.execute(select(func.now())).scalar_one()
    try:
        schedule.next_run_at = next_run(schedule.cron, schedule.timezone, now)
        schedule.last_run_at = now
    except (CronSimError, StopIteration, ZoneInfoNotFoundError, ValueError) as error:
        schedule.is_paused = True
        logger.warning("schedule_paused", schedule_id=str(schedule.id), error=repr(error))
    session.flush()
    return not schedule.is_paused


def _start(session: Session, schedule: CrawlSchedule, template: JobTemplate) -> None:
    try:
        with session.begin_nested():
            request = CrawlJobCreate.model_validate(template.configuration)
            job = crawls.create(session, schedule.user_id, schedule.project_id, request)
    except (AppError, ValidationError, BotoCoreError, ClientError) as error:
        logger.warning("schedule_failed", schedule_id=str(schedule.id), error=str(error))
    else:
        logger.info("schedule_fired", schedule_id=str(schedule.id), job_id=str(job.id))
