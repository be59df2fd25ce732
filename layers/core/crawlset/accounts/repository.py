from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    case,
    cast,
    delete,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crawlset.errors import UnauthorizedError
from crawlset.kit import ahead, db
from crawlset.kit.paging import Slice
from crawlset.models import (
    ACTIVE,
    ApiKey,
    CrawlJob,
    ExportFile,
    FailedAuthentication,
    IdempotencyKey,
    JobChunk,
    Profile,
    Project,
    Upload,
)

LAST_USED_RESOLUTION = timedelta(minutes=5)
COUNT_REQUEST = text("SELECT n_requests, max_requests, seconds_left FROM count_request(:user_id)")
NOT_REVOKED = ApiKey.revoked_at.is_(None)
NOT_EXPIRED = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now())
NOT_USED_LATELY = or_(
    ApiKey.last_used_at.is_(None), ApiKey.last_used_at < func.now() - LAST_USED_RESOLUTION
)


class AccountGoneError(UnauthorizedError):
    """The gateway answers for a key for up to a minute after its account was deleted."""

    def __init__(self) -> None:
        super().__init__("The account of this API key was deleted.")


PACKED = case(
    (JobChunk.pack_key.is_not(None) & (JobChunk.pack_bytes == 0), JobChunk.bytes_stored),
    else_=JobChunk.pack_bytes,
)
"""Bytes of a chunk's pack; where its size was never noted, of the pictures in it."""


class AccountUsage(NamedTuple):
    active_jobs: int
    stored_bytes: int
    n_projects: int


class FoundKey(NamedTuple):
    key: ApiKey
    is_current: bool
    """It has not expired."""
    is_use_unnoted: bool
    """Nobody has noted yet that it was used lately."""


class AccountRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def add_profile_once(self, profile_id: UUID, email: str, name: str) -> bool:
        """Insert the profile; say whether its e-mail address was new."""
        statement = (
            insert(Profile)
            .values(id=profile_id, email=email, name=name)
            .on_conflict_do_nothing(index_elements=[Profile.email])
            .returning(Profile.id)
        )
        return self.session.scalar(statement) is not None

    def get_profile_by_email(self, email: str) -> Profile:
        return self.session.scalars(select(Profile).where(Profile.email == email)).one()

    def get_profile(self, profile_id: UUID) -> Profile:
        return self.session.get_one(Profile, profile_id)

    def lock_profile(self, profile_id: UUID) -> Profile:
        """Get the profile and lock its row until the transaction ends."""
        return self.session.scalars(
            select(Profile)
            .where(Profile.id == profile_id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        ).one()

    def lock_profile_and_usage(self, user_id: UUID) -> tuple[Profile, AccountUsage]:
        """
        Lock the profile until the transaction ends, then see what the account holds.

        In one round trip and two statements: the second sees what was committed until the first
        had its lock.
        """
        lock = select(Profile.id).where(Profile.id == user_id).with_for_update(key_share=True)
        ahead.send(self.session, lock)
        with db.showing_deleted(self.session):
            return self._profile_and_usage(user_id)

    def usage(self, user_id: UUID) -> AccountUsage:
        """
        What the account holds; its bytes are those in the bucket: packs, lists, finished exports.

        Those of what was deleted count for as long as they are there.
        """
        with db.showing_deleted(self.session):
            row = self.session.execute(select(*_usage(user_id))).one()
        return AccountUsage._make(row)

    def get_profile_and_usage(self, user_id: UUID) -> tuple[Profile, AccountUsage]:
        """Both in one statement; what is deleted is shown to the rest of the transaction."""
        db.show_deleted(self.session)
        return self._profile_and_usage(user_id)

    def _profile_and_usage(self, user_id: UUID) -> tuple[Profile, AccountUsage]:
        profile, *used = self.session.execute(
            select(Profile, *_usage(user_id))
            .where(Profile.id == user_id)
            .execution_options(populate_existing=True)
        ).one()
        return profile, AccountUsage._make(used)

    def newest_projects(self, profile: Profile, limit: int) -> Sequence[Project]:
        return self.session.scalars(
            select(Project)
            .where(Project.user_id == profile.id, Project.deleted_at.is_(None))
            .order_by(Project.id.desc())
            .limit(limit)
        ).all()

    def list_keys(self, user_id: UUID, after: str | None, limit: int) -> Slice[ApiKey]:
        statement = select(ApiKey).where(ApiKey.user_id == user_id)
        return db.list_page(self.session, statement, ApiKey.id, after, limit)

    def count_usable_keys(self, user_id: UUID) -> int:
        usable = select(func.count()).where(ApiKey.user_id == user_id, NOT_REVOKED, NOT_EXPIRED)
        return self.session.scalar(usable) or 0

    def revoke(self, user_id: UUID, key_id: UUID) -> bool:
        """Say whether there is such a key; one revoked before stays as it is."""
        revoked = self.session.execute(
            update(ApiKey)
            .where(ApiKey.id == key_id, ApiKey.user_id == user_id)
            .values(revoked_at=func.coalesce(ApiKey.revoked_at, func.now()))
            .returning(ApiKey.id)
        )
        return revoked.first() is not None

    def get_key(self, prefix: str) -> FoundKey | None:
        """The key of this prefix, unless it was revoked."""
        row = self.session.execute(
            select(ApiKey, NOT_EXPIRED, NOT_USED_LATELY).where(ApiKey.prefix == prefix, NOT_REVOKED)
        ).one_or_none()
        return None if row is None else FoundKey._make(row)

    def note_use(self, key_id: UUID) -> None:
        """Keep when the key was last used, to five minutes: not one write a request."""
        self.session.execute(
            update(ApiKey)
            .where(ApiKey.id == key_id, NOT_USED_LATELY)
            .values(last_used_at=func.now())
        )

    def delete_expired_keys(self, user_id: UUID, name: str) -> None:
        self.session.execute(
            delete(ApiKey).where(
                ApiKey.user_id == user_id, ApiKey.name == name, ApiKey.expires_at < func.now()
            )
        )

    def lock_identity(self, identity: str) -> None:
        """Wait for whoever else looks this identity up, until the transaction ends."""
        key = func.hashtextextended(identity, 0)
        self.session.execute(select(func.pg_advisory_xact_lock(key)))

    def count_request(self, user_id: UUID) -> Row[Any]:
        """
        Count one; give `n_requests` of this minute, `max_requests` and `seconds_left`.

        Raises:
            AccountGoneError: there is no such user any more.
        """
        try:
            return self.session.execute(COUNT_REQUEST, {"user_id": user_id}).one()
        except IntegrityError as error:
            raise AccountGoneError from error

    def count_failure_within(self, source: str, limit: int) -> bool:
        """Count a failed authentication, unless `limit` of this minute are; say if it was."""
        minute = func.date_trunc("minute", func.now())
        this = (FailedAuthentication.source == source, FailedAuthentication.window_start == minute)
        n_failures = FailedAuthentication.n_failures
        if (self.session.scalar(select(n_failures).where(*this)) or 0) >= limit:
            return False
        first = insert(FailedAuthentication).values(
            source=source, window_start=minute, n_failures=1
        )
        in_same = FailedAuthentication.window_start == first.excluded.window_start
        self.session.execute(
            first.on_conflict_do_update(
                index_elements=[FailedAuthentication.source],
                set_={
                    "n_failures": case((in_same, n_failures + 1), else_=1),
                    "window_start": first.excluded.window_start,
                },
            )
        )
        return True

    def keep_answer_once(self, **answer: Any) -> bool:
        """Keep the answer to a request with an Idempotency-Key; say whether the key was new."""
        statement = (
            insert(IdempotencyKey)
            .values(**answer)
            .on_conflict_do_nothing()
            .returning(IdempotencyKey.key)
        )
        return self.session.scalar(statement) is not None


def _usage(user_id: UUID) -> tuple[ColumnElement[int], ...]:
    """The columns of `AccountUsage`, where what was deleted is shown."""
    of_user = CrawlJob.user_id == user_id
    active = select(func.count()).select_from(CrawlJob).where(of_user, CrawlJob.status.in_(ACTIVE))
    stored = (
        select(func.coalesce(func.sum(PACKED), 0))
        .join(CrawlJob, CrawlJob.id == JobChunk.crawl_job_id)
        .where(of_user)
    )
    exported = select(func.coalesce(func.sum(ExportFile.file_size), 0)).where(
        ExportFile.user_id == user_id
    )
    uploaded = select(func.coalesce(func.sum(Upload.n_bytes), 0)).where(Upload.user_id == user_id)
    projects = (
        select(func.count())
        .select_from(Project)
        .where(Project.user_id == user_id, Project.deleted_at.is_(None))
    )
    n_bytes = stored.scalar_subquery() + exported.scalar_subquery() + uploaded.scalar_subquery()
    return active.scalar_subquery(), cast(n_bytes, BigInteger), projects.scalar_subquery()
