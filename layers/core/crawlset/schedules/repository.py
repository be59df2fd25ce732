from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset.models import CrawlSchedule, JobTemplate


class ScheduleRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def lock_due(self, limit: int) -> Sequence[tuple[CrawlSchedule, JobTemplate]]:
        """Due schedules of any owner with their templates; another tick passes these over."""
        rows = self.session.execute(
            select(CrawlSchedule, JobTemplate)
            .join(JobTemplate, JobTemplate.id == CrawlSchedule.template_id)
            .where(CrawlSchedule.next_run_at <= func.now(), ~CrawlSchedule.is_paused)
            .order_by(CrawlSchedule.next_run_at)
            .limit(limit)
            .with_for_update(of=CrawlSchedule, skip_locked=True)
        )
        return [(schedule, template) for schedule, template in rows]
