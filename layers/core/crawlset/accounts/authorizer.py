"""What the gateway is told of the caller who shows an API key; `gate` reads it."""

from typing import Any

from crawlset.accounts import service
from crawlset.accounts.keys import ApiKeyExpiredError
from crawlset.kit import db
from crawlset.observability import logger


def authorize(header: str) -> dict[str, Any]:
    """Answer an `Authorization` header as a Lambda authorizer does."""
    try:
        with db.transaction() as session:
            caller = service.authenticate(session, header)
    except ApiKeyExpiredError as error:
        # The gateway can only say 403 without a reason. The API says 401 with it: this names
        # no user and no scope, so nothing is permitted.
        logger.info("caller_expired")
        return {"isAuthorized": True, "context": {"expired_at": error.expired_at.isoformat()}}
    if caller is None:
        logger.info("caller_unknown")
        return {"isAuthorized": False}
    return {
        "isAuthorized": True,
        "context": {
            "user_id": str(caller.user_id),
            "key_id": str(caller.key_id),
            "scopes": " ".join(caller.scopes),
        },
    }
