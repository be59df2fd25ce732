"""
Remove the objects of what was deleted: jobs, and with them their validations and exports.

Whatever deletes their rows, a trigger notes their folders. The tick empties each at once, and once
more when nobody can be writing there: a fetcher or an export that was under way when its job was
deleted may have. Whatever comes later still is an orphan.
"""

from collections.abc import Sequence
from datetime import timedelta

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import delete, func, select, update

from crawlset.kit import db, objects
from crawlset.models import FolderRemoval
from crawlset.observability import logger

WRITTEN_UNTIL = timedelta(minutes=20)
"""A function that writes objects lasts 15 minutes at most."""
AFTER_A_FAILURE = timedelta(minutes=5)
LIMIT = 20_000
"""Objects removed in one round; the next minute goes on."""
ROUND = 100
"""Folders looked at together."""


def remove_due() -> int:
    """Empty the folders that are due, at most about `LIMIT` objects; say how many objects."""
    n_removed = 0
    while n_removed < LIMIT and (due := _list_due()):
        for removal in due:
            try:
                n_removed += objects.delete_all(removal.prefix, LIMIT - n_removed)
            except (BotoCoreError, ClientError, objects.UndeletedError):
                logger.exception("folder_not_removed", prefix=removal.prefix)
                _put_off(removal)
                continue
            if n_removed >= LIMIT:
                break
            _look_again(removal)
    if n_removed:
        logger.info("objects_of_deleted_jobs_removed", objects=n_removed)
    return n_removed


def _list_due() -> Sequence[FolderRemoval]:
    with db.transaction() as session:
        return session.scalars(
            select(FolderRemoval)
            .where(FolderRemoval.due_at <= func.now())
            .order_by(FolderRemoval.due_at, FolderRemoval.id)
            .limit(ROUND)
        ).all()


def _look_again(removal: FolderRemoval) -> None:
    """Once more when nobody can be writing there, and then never; two rounds at once agree."""
    this = FolderRemoval.id == removal.id
    last_look = FolderRemoval.deleted_at + WRITTEN_UNTIL
    with db.transaction() as session:
        session.execute(delete(FolderRemoval).where(this, last_look <= func.now()))
        session.execute(update(FolderRemoval).where(this).values(due_at=last_look))


def _put_off(removal: FolderRemoval) -> None:
    with db.transaction() as session:
        session.execute(
            update(FolderRemoval)
            .where(FolderRemoval.id == removal.id)
            .values(due_at=func.now() + AFTER_A_FAILURE)
        )
