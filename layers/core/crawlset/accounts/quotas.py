"""What an account may have at once; reserved in the transaction that takes it."""

from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.accounts.repository import AccountRepository
from crawlset.errors import TooManyRequestsError, UnprocessableError
from crawlset.models import Profile


class AccountFullError(TooManyRequestsError):
    """There will be room again."""


class ActiveJobsExceededError(AccountFullError):
    def __init__(self, most: int) -> None:
        super().__init__(
            f"This account may have {most} crawl jobs at once; wait for one or cancel one."
        )


class StoredBytesExceededError(AccountFullError):
    def __init__(self, most: int) -> None:
        super().__init__(
            f"This account may store {most} bytes; delete a job or a project first. What can be "
            "restored counts: delete with grace_hours=0 to have room within minutes."
        )


class ImagesExceededError(UnprocessableError):
    def __init__(self, most: int) -> None:
        super().__init__(f"A job of this account may try {most} images.", "/max_images")


def reserve(session: Session, user_id: UUID, max_images: int | None, usual: int) -> int:
    """
    Take room for one more active job; give how many images it may try.

    A job that names no number tries `usual` images, or as many as the account allows. The
    account is locked until the transaction ends, so that requests at once cannot share a place.

    Raises:
        ActiveJobsExceededError, StoredBytesExceededError, ImagesExceededError: there is none.
    """
    profile, used = AccountRepository(session).lock_profile_and_usage(user_id)
    allowed = _images_allowed(profile, max_images, usual)
    if used.active_jobs >= profile.max_active_jobs:
        raise ActiveJobsExceededError(profile.max_active_jobs)
    if used.stored_bytes >= profile.max_stored_bytes:
        raise StoredBytesExceededError(profile.max_stored_bytes)
    return allowed


def reserve_bytes(session: Session, user_id: UUID, n_bytes: int) -> None:
    """
    See that so many bytes more may be stored; the caller writes them down in this transaction.

    Raises:
        StoredBytesExceededError: they may not.
    """
    profile, used = AccountRepository(session).lock_profile_and_usage(user_id)
    if used.stored_bytes + n_bytes > profile.max_stored_bytes:
        raise StoredBytesExceededError(profile.max_stored_bytes)


def images_allowed(session: Session, user_id: UUID, max_images: int | None, usual: int) -> int:
    """
    How many images a job may try, as `reserve` says it, without taking room.

    Raises:
        ImagesExceededError: more are asked for.
    """
    profile = AccountRepository(session).get_profile(user_id)
    return _images_allowed(profile, max_images, usual)


def _images_allowed(profile: Profile, max_images: int | None, usual: int) -> int:
    if max_images is None:
        return min(usual, profile.max_images_per_job)
    if max_images > profile.max_images_per_job:
        raise ImagesExceededError(profile.max_images_per_job)
    return max_images
