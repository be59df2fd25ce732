"""
Remove the objects of what was deleted: jobs, and with them their validations and exports.

Whatever deletes their rows, a trigger notes their folders. The tick empties each at once, and once
more when nobody can be writing there: a fetcher or an export that was under way when its job was
deleted may have. Whatever comes later still is an orphan.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update

from crawlset.kit import db, objects
from crawlset.models import FolderRemoval
from crawlset.observability import logger

WRITTEN_UNTIL = timedelta(minutes=20)
"""A function that writes objects lasts 15 minutes at most."""
LIMIT = 20_000
"""Objects removed in one round; the next minute goes on."""
ROUND = 100
"""Folders looked at together."""


def remove_due() -> int:
    """Empty the folders that are due, at most about `LIMIT` objects; say how many objects."""
    n_removed = 0
    while n_removed < LIMIT and (due := _list_due()):
        for removal in due:
            n_removed += objects.delete_all(removal.prefix, LIMIT - n_removed)
            if n_removed >= LIMIT:
                break
            _note_empty(removal)
    if n_removed:
        logger.info("folders_removed", objects=n_removed)
    return n_removed


def _list_due() -> Sequence[FolderRemoval]:
    with db.transaction() as session:
        return session.scalars(
            select(FolderRemoval)
            .where(FolderRemoval.due_at <= func.now())
            .order_by(FolderRemoval.due_at, FolderRemoval.id)
            .limit(ROUND)
        ).all()


def _note_empty(removal: FolderRemoval) -> None:
    """Look again later, or no more; two rounds side by side come to the same."""
    late = removal.deleted_at + WRITTEN_UNTIL
    with db.transaction() as session:
        now: datetime = session.execute(select(func.now())).scalar_one()
        this = FolderRemoval.id == removal.id
        if now < late:
            session.execute(update(FolderRemoval).where(this).values(due_at=late))
        else:
            session.execute(delete(FolderRemoval).where(this))
