"""
What is deleted waits: hidden at once, restored on demand, and removed when its grace is over.

Projects and crawl jobs have this in common. The database's clock decides whether a grace is over,
read when the row is locked: before that only restoring is allowed, after it only removing.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement, func

from crawlset.errors import ConflictError
from crawlset.models.base import Deletable

DEFAULT_GRACE_HOURS = 24
MAX_GRACE_HOURS = 30 * 24

GraceHours = Annotated[
    int,
    Field(
        ge=0,
        le=MAX_GRACE_HOURS,
        description="How long it can be restored before the bytes are removed; 0: not at all",
    ),
]

Deleted = Annotated[bool, Field(description="List only what was deleted and can be restored")]
PurgesAt = Annotated[
    datetime | None,
    Field(description="Until then what was deleted can be restored; then it is removed"),
]


class RestoreTooLateError(ConflictError):
    def __init__(self, what: str, row: Any) -> None:
        ended = "it had none"
        if row.purges_at > row.deleted_at:
            ended = f"that ended at {row.purges_at:%Y-%m-%d %H:%M} UTC"
        super().__init__(f"The {what} {row.id} can be restored within its grace only, and {ended}.")


def marked(grace_hours: int) -> dict[str, Any]:
    """What to set in a row to delete it."""
    now = func.now()
    return {"deleted_at": now, "purges_at": now + timedelta(hours=grace_hours)}


RESTORED: dict[str, Any] = {"deleted_at": None, "purges_at": None}


def can_be_restored(model: type[Deletable]) -> ColumnElement[bool]:
    return model.purges_at > func.clock_timestamp()
