"""
Remove objects that no row owns: folders whose row is gone, packs of chunks that have ended, and
what executions began with.

Objects of a new row may come before it, so folders are left alone for half an hour. So is what a
function writes that was cut off from its row: it lasts 15 minutes at most.
"""

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import batched
from uuid import UUID

from crawlset.kit import db, objects
from crawlset.observability import logger
from crawlset.takedowns import unowned_packs
from crawlset.tick.repository import OWNERS, RemovalRepository
from crawlset.wire import keys

GRACE = timedelta(minutes=30)
LIMIT = 20_000
"""Objects removed in one round; the next goes on."""
IDS_AT_ONCE = 1_000
BUDGET_SECONDS = 30
"""For packs; jobs come in random order, so that each has its turn in time."""


def remove(now: datetime) -> int:
    """
    Delete folders that had no row for half an hour, packs that no row owns, and old executions.

    Says how many objects, at most about `LIMIT`, but for packs, which `unowned_packs` logs.
    """
    n_removed = 0
    for prefix in OWNERS:
        for batch in batched(objects.list_folders(prefix), IDS_AT_ONCE):
            for name in _without_owner(batch, prefix):
                folder = f"{prefix}{name}/"
                n_removed += objects.delete_old(folder, now - GRACE, LIMIT - n_removed)
                if n_removed >= LIMIT:
                    return n_removed
    n_removed += objects.delete_old(keys.EXECUTIONS, now - GRACE, LIMIT - n_removed)
    until = time.monotonic() + BUDGET_SECONDS
    for job_id in _jobs_of_late():
        unowned_packs.remove_below(keys.chunks_prefix(job_id))
        if time.monotonic() > until:
            break
    logger.info("orphans_removed", objects=n_removed)
    return n_removed


def _without_owner(names: Iterable[str], prefix: str) -> list[str]:
    ids = {UUID(name): name for name in names}
    with db.transaction() as session:
        known = RemovalRepository(session).owners(prefix, ids.keys())
    return [name for id_, name in ids.items() if id_ not in known]


def _jobs_of_late() -> Iterable[UUID]:
    with db.transaction() as session:
        return RemovalRepository(session).list_jobs_of_late()
