"""What the gateway is told of the caller who shows an API key; `gate` reads it."""

from datetime import UTC, datetime
from typing import Any

from crawlset.accounts import failures, service
from crawlset.accounts.keys import ApiKeyExpiredError
from crawlset.kit import db
from crawlset.observability import logger


def authorize(header: str, source_ip: str) -> dict[str, Any]:
    """
    Answer an `Authorization` header, shown from an IP address, as a Lambda authorizer does.

    The gateway can refuse with a bare 403 only. Where there is more to say, the request goes on to
    the API with what to say and no user or scope, so that nothing is permitted.
    """
    try:
        with db.transaction() as session:
            caller = service.authenticate(session, header)
            is_limited = caller is None and failures.note(session, source_ip)
    except ApiKeyExpiredError as error:
        logger.info("caller_expired")
        return _say(expired_at=error.expired_at)
    if is_limited:
        logger.warning("failures_exceeded", source_ip=source_ip)
        return _say(limited_until=datetime.now(UTC) + failures.PAUSE)
    if caller is None:
        logger.info("caller_unknown")
        return {"isAuthorized": False}
    context = {
        "user_id": str(caller.user_id),
        "key_id": str(caller.key_id),
        "scopes": " ".join(caller.scopes),
    }
    if caller.expires_at is not None:  # the gateway keeps this answer for longer, perhaps
        context["expires_at"] = caller.expires_at.isoformat()
    return {"isAuthorized": True, "context": context}


def _say(**what: datetime) -> dict[str, Any]:
    context = {name: moment.isoformat() for name, moment in what.items()}
    return {"isAuthorized": True, "context": context}
