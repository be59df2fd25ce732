"""What the gateway is told of the caller who shows an API key; `gate` reads it."""

from typing import Any

from crawlset.accounts import service
from crawlset.accounts.keys import ApiKeyExpiredError
from crawlset.errors import DatabaseAwayError
from crawlset.kit import db
from crawlset.observability import logger

NOT_LOOKED_UP = "not_looked_up"


def authorize(header: str) -> dict[str, Any]:
    """
    Answer an `Authorization` header as a Lambda authorizer does.

    The gateway makes a plain 500 of an authorizer that fails, and keeps what one says for a
    minute. So while the database is away this one lets the request through as nobody's, and the
    API looks the key up itself, each time, or answers 503.
    """
    try:
        caller = look_up(header)
    except DatabaseAwayError as away:
        logger.warning("caller_not_looked_up", error=repr(away.__cause__))
        caller = {NOT_LOOKED_UP: "true"}
    if caller is None:
        logger.info("caller_unknown")
        return {"isAuthorized": False}
    return {"isAuthorized": True, "context": caller}


def look_up(header: str) -> dict[str, str] | None:
    """
    What `gate` needs to know of whoever shows this key; None if there is no such key.

    Of an expired key only when it expired: the gateway could only say 403 without a reason. The
    API says 401 with it, and as that names no user and no scope, nothing is permitted.
    """
    try:
        with db.transaction() as session:
            caller = service.authenticate(session, header)
    except ApiKeyExpiredError as error:
        logger.info("caller_expired")
        return {"expired_at": error.expired_at.isoformat()}
    if caller is None:
        return None
    return {
        "user_id": str(caller.user_id),
        "key_id": str(caller.key_id),
        "scopes": " ".join(caller.scopes),
    }
