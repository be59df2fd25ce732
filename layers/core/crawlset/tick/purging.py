"""
Remove what was deleted, once it cannot be restored any more: crawl jobs, then their projects.

A job is due when its own grace is over or that of its project, so that no job outlives its project.
A job goes piece by piece, each piece in a transaction of its own: a tick that is killed loses
nothing, and the next goes on. The rows' triggers note whose objects are to be removed.
"""

from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Delete,
    delete,
    exists,
    func,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session

from crawlset.kit import db
from crawlset.models import (
    Base,
    CrawlJob,
    Image,
    ImageVerdict,
    Project,
    TakedownImage,
    ValidationJob,
)
from crawlset.observability import logger

LIMIT = 200_000
"""Rows of jobs removed in one round; the next minute goes on."""
PIECE = 20_000
"""Rows removed in one transaction."""
LEAST = 1_000
"""Rows that a transaction counts for however few it removes: many small jobs take time as well."""
ROUND = 100
"""Projects removed together."""


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
        job_id = _lock_due_job(session)
        if job_id is None:
            return None
        for piece in _pieces(job_id):
            if n_rows := cast("CursorResult[Any]", session.execute(piece)).rowcount:
                return n_rows
        session.execute(delete(CrawlJob).where(CrawlJob.id == job_id))
    logger.info("crawl_job_purged", job_id=str(job_id))
    return 0


def _lock_due_job(session: Session) -> UUID | None:
    due = union_all(
        select(CrawlJob.id).where(CrawlJob.purges_at <= func.now()),
        select(CrawlJob.id).join(Project).where(Project.purges_at <= func.now()),
    )
    is_due = CrawlJob.id.in_(due)
    first = select(CrawlJob.id).where(is_due).order_by(CrawlJob.purges_at).limit(1)
    while (job_id := session.scalar(first.with_for_update(skip_locked=True))) is not None:
        # The project may have been restored between the statement's snapshot and the lock.
        if session.scalar(select(is_due).where(CrawlJob.id == job_id)):
            return job_id
    return None


def _pieces(job_id: UUID) -> Iterator[Delete]:
    """A part of each of what a job has by the hundred thousand; the rest goes with its row."""
    validations = select(ValidationJob.id).where(ValidationJob.crawl_job_id == job_id)
    owners: tuple[tuple[type[Base], ColumnElement[bool]], ...] = (
        (ImageVerdict, ImageVerdict.validation_job_id.in_(validations)),
        (TakedownImage, TakedownImage.crawl_job_id == job_id),
        (Image, Image.crawl_job_id == job_id),
    )
    for model, is_of_job in owners:
        keys = model.__table__.primary_key
        piece = select(*keys).where(is_of_job).limit(PIECE)
        yield delete(model).where(tuple_(*keys).in_(piece))


def _remove_projects() -> int:
    """Due projects whose last job is gone, with their templates, schedules and takedowns."""
    with db.transaction() as session:
        due = (
            select(Project.id)
            .where(
                Project.purges_at <= func.now(), ~exists().where(CrawlJob.project_id == Project.id)
            )
            .limit(ROUND)
            .with_for_update(skip_locked=True)
        )
        removed = session.scalars(
            delete(Project).where(Project.id.in_(due)).returning(Project.id)
        ).all()
    if removed:
        logger.info("projects_purged", project_ids=[str(id_) for id_ in removed])
    return len(removed)
