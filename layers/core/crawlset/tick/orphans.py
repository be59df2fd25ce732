"""
Remove objects whose row is gone: of requests that broke off, and what came after a removal.

So are those of an export that has failed or was cancelled: what it wrote is of no use to anyone.

Objects come before their rows, so only those that are a day old are looked at.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from crawlset.kit import db, objects
from crawlset.observability import logger
from crawlset.tick.repository import OWNERS, RemovalRepository

GRACE = timedelta(days=1)
LIMIT = 20_000
"""Objects removed in one round; the next hour goes on."""
IDS_AT_ONCE = 1_000


def remove_hourly() -> int:
    """In the first minute of an hour, `remove`; a round lists every folder of the bucket."""
    with db.transaction() as session:
        now = db.now(session)
    return remove(now) if now.minute == 0 else 0


def remove(now: datetime) -> int:
    """Delete what has had no row for a day, at most about `LIMIT` objects; say how many."""
    n_removed = 0
    for prefix in OWNERS:
        folders = objects.list_folders(prefix)
        while batch := list(islice(folders, IDS_AT_ONCE)):
            for name in _without_owner(batch, prefix):
                folder = f"{prefix}{name}/"
                n_removed += objects.delete_old(folder, now - GRACE, LIMIT - n_removed)
                if n_removed >= LIMIT:
                    return n_removed
    logger.info("orphans_removed", objects=n_removed)
    return n_removed


def _without_owner(names: Iterable[str], prefix: str) -> list[str]:
    ids = {UUID(name): name for name in names}
    with db.transaction() as session:
        known = RemovalRepository(session).owners(prefix, ids.keys())
    return [name for id_, name in ids.items() if id_ not in known]
