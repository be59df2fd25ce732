"""From what an identity provider says of a person to an API key that lives for an hour."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.accounts import service
from crawlset.accounts.repository import AccountRepository
from crawlset.errors import ForbiddenError
from crawlset.kit import db
from crawlset.kit.ids import new_id
from crawlset.kit.incoming import fault_of
from crawlset.models import ApiKey, LoginIdentity
from crawlset.urls.spelling import host_of

LIFETIME = timedelta(hours=1)
KEY_NAME = "session"
MAX_NAME = 200


class NotSignedInError(ForbiddenError):
    def __init__(self) -> None:
        super().__init__("Show an access token of this service's identity provider.")


class Opened(NamedTuple):
    key: ApiKey
    text: str


def open_session(session: Session, claims: Mapping[str, str]) -> Opened:
    """
    A key of every scope for the account of the token's `iss` and `sub`.

    The first session makes the account. It is never found by an e-mail address, which others may
    have had before; an address is taken over only if the provider has verified it.

    Raises:
        NotSignedInError: no claims that the gateway has checked, or those of an ID token, or text
            that no database can hold.
        TooManyKeysError: the account has as many keys as it may.
    """
    if not claims.get("iss") or not claims.get("sub") or claims.get("token_use") == "id":
        raise NotSignedInError
    if any(map(fault_of, claims.values())):
        raise NotSignedInError
    user_id = _user_of(session, claims)
    db.act_for(session, user_id)
    AccountRepository(session).delete_expired_keys(user_id, KEY_NAME)
    key, text = service.create_key(
        session,
        user_id,
        name=KEY_NAME,
        scopes=service.ALL_SCOPES,
        expires_at=datetime.now(UTC) + LIFETIME,
    )
    return Opened(key, text)


def _user_of(session: Session, claims: Mapping[str, str]) -> UUID:
    """One request at a time looks an identity up, so that two first ones make one account."""
    issuer, subject = claims["iss"], claims["sub"]
    identity = f"{issuer} {subject}"
    repository = AccountRepository(session)
    repository.lock_identity(identity)
    db.look_up(session, "identity", identity)
    known = session.get(LoginIdentity, (issuer, subject))
    if known is not None:
        return known.user_id
    user_id = new_id()
    db.act_for(session, user_id)
    name = (claims.get("name") or subject)[:MAX_NAME]
    host = host_of(issuer)
    for email in (_email_of(claims), f"{subject}@{host}", f"{user_id}@{host}"):
        if email is not None and repository.add_profile_once(user_id, email, name):
            break
    session.add(LoginIdentity(user_id=user_id, issuer=issuer, subject=subject))
    session.flush()
    return user_id


def _email_of(claims: Mapping[str, str]) -> str | None:
    is_verified = str(claims.get("email_verified", "")).lower() == "true"
    return claims.get("email") if is_verified else None
