from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.accounts import keys
from crawlset.accounts.repository import AccountRepository
from crawlset.errors import ConflictError, NotFoundError, UnprocessableError
from crawlset.kit import db
from crawlset.kit.ids import new_id
from crawlset.models import ApiKey

ALL_SCOPES = ["read", "write", "admin"]
MAX_KEYS = 50
"""Keys that an account may have at once, revoked and expired ones not counted."""


class TooManyKeysError(ConflictError):
    def __init__(self) -> None:
        super().__init__(f"An account has {MAX_KEYS} API keys at most; revoke one first.")


@dataclass(frozen=True, slots=True)
class Caller:
    user_id: UUID
    key_id: UUID
    scopes: tuple[str, ...]
    expires_at: datetime | None


def create_profile(session: Session, *, email: str, name: str) -> tuple[UUID, str | None]:
    """
    Make an account with a first API key of every scope, which is never shown again.

    Returns its id and the key; no key if the e-mail address has an account.
    """
    repository = AccountRepository(session)
    profile_id = new_id()
    db.act_for(session, profile_id)
    if not repository.add_profile_once(profile_id, email, name):
        return repository.get_profile_by_email(email).id, None
    _, text = _add_key(session, profile_id, name="first key", scopes=ALL_SCOPES)
    return profile_id, text


def create_key(
    session: Session,
    user_id: UUID,
    *,
    name: str,
    scopes: list[str],
    expires_at: datetime | None,
) -> tuple[ApiKey, str]:
    """
    Make a key; its text is given here and never again.

    Raises:
        UnprocessableError: it would have expired already.
        TooManyKeysError: the account has as many as it may.
    """
    repository = AccountRepository(session)
    repository.lock_profile(user_id)
    if repository.count_usable_keys(user_id) >= MAX_KEYS:
        raise TooManyKeysError
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise UnprocessableError("It would have expired already.", "/expires_at")
    key, text = _add_key(session, user_id, name=name, scopes=scopes, expires_at=expires_at)
    session.flush()
    session.refresh(key)
    return key, text


def revoke_key(session: Session, user_id: UUID, key_id: UUID) -> None:
    """
    Raises:
        NotFoundError: the account has no such key.
    """
    if not AccountRepository(session).revoke(user_id, key_id):
        raise NotFoundError("API key", key_id)


def _add_key(session: Session, user_id: UUID, **fields: Any) -> tuple[ApiKey, str]:
    text = keys.generate()
    key = ApiKey(id=new_id(), user_id=user_id, prefix=text.prefix, key_hash=text.digest, **fields)
    session.add(key)
    return key, str(text)


def authenticate(session: Session, header: str) -> Caller | None:
    """
    Who shows this `Authorization` header; nobody if the key is unknown or revoked.

    Raises:
        ApiKeyExpiredError: the key is right and has expired.
    """
    shown = keys.parse(header)
    if shown is None:
        return None
    repository = AccountRepository(session)
    db.look_up(session, "key_prefix", shown.prefix)
    found = repository.get_key(shown.prefix)
    if found is None or not shown.matches(found.key.key_hash):
        return None
    key = found.key
    if key.expires_at is not None and not found.is_current:
        raise keys.ApiKeyExpiredError(key.expires_at)
    if found.is_use_unnoted:
        db.act_for(session, key.user_id)
        repository.note_use(key.id)
    return Caller(key.user_id, key.id, tuple(key.scopes), key.expires_at)
