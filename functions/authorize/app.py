"""Answer the gateway: who shows this API key, if anybody."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.accounts import service
from crawlset.accounts.keys import ApiKeyExpiredError
from crawlset.kit import db
from crawlset.observability import logger, metrics


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    header = event.get("headers", {}).get("authorization", "")
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
