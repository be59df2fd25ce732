"""
Remove the objects of what was deleted: jobs, and with them their validations and exports.

Whatever deletes their rows, a trigger notes their folders. The tick empties each at once, and once
more when nobody can be writing there: a fetcher or an export that was under way when its job was
deleted may have. Whatever comes later still is an orphan.
"""

from collections.abc import Sequence
from datetime import timedelta

from botocore.exceptions import BotoCoreError, ClientError

from crawlset.kit import db, objects
from crawlset.models import FolderRemoval
from crawlset.observability import logger
from crawlset.tick.repository import RemovalRepository

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
                with db.transaction() as session:
                    RemovalRepository(session).put_off(removal, AFTER_A_FAILURE)
                continue
            if n_removed >= LIMIT:
                break
            with db.transaction() as session:
                RemovalRepository(session).look_again(removal, WRITTEN_UNTIL)
    if n_removed:
        logger.info("objects_of_deleted_jobs_removed", objects=n_removed)
    return n_removed


def _list_due() -> Sequence[FolderRemoval]:
    with db.transaction() as session:
        return RemovalRepository(session).list_due_folders(ROUND)
