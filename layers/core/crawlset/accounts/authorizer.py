"""What the gateway is told of the caller who shows an API key; `gate` reads it."""

from datetime import UTC, datetime
from typing import Any

from crawlset.accounts import failures, keys, service
from crawlset.accounts.keys import ApiKeyExpiredError
from crawlset.errors import DatabaseAwayError
from crawlset.kit import db
from crawlset.observability import logger

NOT_LOOKED_UP = "not_looked_up"
SOURCE_IP = "source_ip"


def authorize(header: str, source_ip: str | None) -> dict[str, Any]:
    """
    Answer an `Authorization` header, shown from an IP address, as a Lambda authorizer does.

    Nobody is let in without an address, which `edge` does not give to whoever passes by it.

    The gateway makes a plain 500 of an authorizer that fails, and keeps what one says for a
    minute. So while the database is away this one lets the request through as nobody's, and the
    API looks the key up itself, each time, or answers 503.
    """
    if source_ip is None:
        logger.warning("edge_passed_by")
        return {"isAuthorized": False}
    try:
        caller = look_up(header, source_ip)
    except DatabaseAwayError as away:
        logger.warning("caller_not_looked_up", error=repr(away.__cause__))
        caller = {NOT_LOOKED_UP: "true", SOURCE_IP: source_ip}
    if caller is None:
        logger.info("caller_unknown")
        return {"isAuthorized": False}
    return {"isAuthorized": True, "context": caller}


def look_up(header: str, source_ip: str) -> dict[str, str] | None:
    """
    What `gate` needs to know of whoever shows this key; None if there is no such key.

    The gateway could refuse with a bare 403 only. Where there is more to say, it is said without a
    user or a scope, so that nothing is permitted. What has not the shape of a key costs the
    database nothing, and does not count as a failure.
    """
    if keys.parse(header) is None:
        return None
    try:
        with db.transaction() as session:
            caller = service.authenticate(session, header)
            is_limited = caller is None and failures.note(session, source_ip)
    except ApiKeyExpiredError as error:
        logger.info("caller_expired")
        return {"expired_at": error.expired_at.isoformat()}
    if is_limited:
        logger.warning("failures_exceeded", source_ip=source_ip)
        return {"limited_until": (datetime.now(UTC) + failures.PAUSE).isoformat()}
    if caller is None:
        return None
    known = {
        "user_id": str(caller.user_id),
        "key_id": str(caller.key_id),
        "scopes": " ".join(caller.scopes),
    }
    if caller.expires_at is not None:  # the gateway keeps this answer for longer, perhaps
        known["expires_at"] = caller.expires_at.isoformat()
    return known
