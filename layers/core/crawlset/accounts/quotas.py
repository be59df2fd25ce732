"""What an account may have at once; reserved in the transaction that takes it."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset.errors import TooManyRequestsError, UnprocessableError
from crawlset.models import CrawlJob, JobChunk, JobStatus, Profile

ACTIVE = (JobStatus.pending, JobStatus.running)


class ActiveJobsExceededError(TooManyRequestsError):
    def __init__(self, most: int) -> None:
        super().__init__(
            f"This account may have {most} crawl jobs at once; wait for one or cancel one."
        )


class StoredBytesExceededError(TooManyRequestsError):
    def __init__(self, most: int) -> None:
        super().__init__(f"This account may store {most} bytes; delete a job or a project first.")


class ImagesExceededError(UnprocessableError):
    def __init__(self, most: int) -> None:
        super().__init__(f"A job of this account may try {most} images.", "/max_images")


class Usage(NamedTuple):
    active_jobs: int
    stored_bytes: int


def usage(session: Session, user_id: UUID) -> Usage:
    active = (
        select(func.count())
        .select_from(CrawlJob)
        .where(CrawlJob.user_id == user_id, CrawlJob.status.in_(ACTIVE))
    )
    stored = select(func.coalesce(func.sum(JobChunk.bytes_stored), 0)).where(
        JobChunk.user_id == user_id
    )
    row = session.execute(select(active.scalar_subquery(), stored.scalar_subquery())).one()
    return Usage(row[0], int(row[1]))


def reserve(session: Session, user_id: UUID, max_images: int | None, usual: int) -> int:
    """
    Take room for one more active job; give how many images it may try.

    A job that names no number tries `usual` images, or as many as the account allows. The
    account is locked until the transaction ends, so that requests at once cannot share a place.

    Raises:
        ActiveJobsExceededError, StoredBytesExceededError, ImagesExceededError: there is none.
    """
    profile = session.scalars(
        select(Profile).where(Profile.id == user_id).with_for_update(key_share=True)
    ).one()
    if max_images is not None and max_images > profile.max_images_per_job:
        raise ImagesExceededError(profile.max_images_per_job)
    used = usage(session, user_id)
    if used.active_jobs >= profile.max_active_jobs:
        raise ActiveJobsExceededError(profile.max_active_jobs)
    if used.stored_bytes >= profile.max_stored_bytes:
        raise StoredBytesExceededError(profile.max_stored_bytes)
    return max_images if max_images is not None else min(usual, profile.max_images_per_job)
