"""The time in which a deletion can be taken back."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, Project

AT_ONCE = {"grace_hours": "0"}
DELETED = {"deleted": "true"}
AGO = func.now() - timedelta(seconds=1)


def end_grace(session: Session) -> None:
    """By the database's clock, which stands still while the test's transaction lasts."""
    for model in (Project, CrawlJob):
        ended = update(model).where(model.deleted_at.is_not(None))
        session.execute(ended.values(deleted_at=AGO, purges_at=AGO))
    session.commit()


def delete_earlier(session: Session, job: CrawlJob, hours: int) -> None:
    """As if by a request before the test's transaction."""
    deleted_at = func.now() - timedelta(hours=1)
    job.deleted_at, job.purges_at = deleted_at, deleted_at + timedelta(hours=hours)
    session.commit()


def grace_of(body: Any) -> timedelta:
    purges_at, deleted_at = (
        datetime.fromisoformat(body[name]) for name in ("purges_at", "deleted_at")
    )
    return purges_at - deleted_at


def ids(answer: tuple[int, Any]) -> list[str]:
    assert answer[0] == 200
    return [item["id"] for item in answer[1]["items"]]
