"""
Remove what was deleted, once it cannot be restored any more: crawl jobs, then their projects.

A job is due when its own grace is over or that of its project, so that no job outlives its project.
A job goes piece by piece, each piece in a transaction of its own: a tick that is killed loses
nothing, and the next goes on. The rows' triggers note whose objects are to be removed.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import InstrumentedAttribute

from crawlset.kit import db
from crawlset.observability import logger
from crawlset.tick.repository import RemovalRepository

LIMIT = 200_000
"""Rows of jobs removed in one round; the next minute goes on."""
PIECE = 20_000
"""Rows removed in one transaction."""
LEAST = 1_000
"""Rows that a transaction counts for however few it removes: many small jobs take time as well."""
ROUND = 100
"""Projects removed together."""
FORGOTTEN_AT_ONCE = 10_000


def purge_due() -> int:
    """Remove what is due, at most about `LIMIT` rows of jobs; say how many jobs and projects."""
    n_rows = n_purged = 0
    while n_rows < LIMIT:
        removed = _remove_piece()
        if removed is None:
            return n_purged + _remove_projects()
        n_rows += max(removed, LEAST)
        n_purged += removed == 0
    return n_purged


def _remove_piece() -> int | None:
    """How many rows of a due job went; 0: the job itself; None: none is due."""
    with db.transaction() as session:
        repository = RemovalRepository(session)
        job_id = repository.lock_due_job()
        if job_id is None:
            return None
        n_rows = repository.delete_piece(job_id, PIECE)
    if not n_rows:
        logger.info("crawl_job_purged", job_id=str(job_id))
    return n_rows


def _remove_projects() -> int:
    with db.transaction() as session:
        removed = RemovalRepository(session).delete_due_projects(ROUND)
    if removed:
        logger.info("projects_purged", project_ids=[str(id_) for id_ in removed])
    return len(removed)


def forget_old(made_at: InstrumentedAttribute[datetime], kept: timedelta) -> int:
    """Remove rows that were kept for long enough, by the column that says since when."""
    with db.transaction() as session:
        return RemovalRepository(session).delete_old(made_at, kept, FORGOTTEN_AT_ONCE)
