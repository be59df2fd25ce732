from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.accounts import keys
from crawlset.accounts.repository import AccountRepository
from crawlset.kit import db
from crawlset.kit.ids import new_id
from crawlset.models import ApiKey

ALL_SCOPES = ["read", "write", "admin"]


@dataclass(frozen=True, slots=True)
class Caller:
    user_id: UUID
    key_id: UUID
    scopes: tuple[str, ...]


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
    key = keys.generate()
    session.add(
        ApiKey(
            user_id=profile_id,
            name="first key",
            prefix=key.prefix,
            key_hash=key.digest,
            scopes=ALL_SCOPES,
        )
    )
    return profile_id, str(key)


def authenticate(session: Session, header: str) -> Caller | None:
    """Who shows this `Authorization` header; nobody if the key is unknown, revoked or expired."""
    shown = keys.parse(header)
    if shown is None:
        return None
    repository = AccountRepository(session)
    db.look_up(session, "key_prefix", shown.prefix)
    key = repository.get_usable_key(shown.prefix)
    if key is None or not shown.matches(key.key_hash):
        return None
    db.act_for(session, key.user_id)
    repository.note_use(key.id)
    return Caller(user_id=key.user_id, key_id=key.id, scopes=tuple(key.scopes))
