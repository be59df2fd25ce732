"""Lambda authorizer for API keys."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.accounts import edge
from crawlset.accounts.authorizer import authorize
from crawlset.observability import logger, metrics


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    headers = event["headers"]
    source_ip = edge.source_ip(headers, event["requestContext"]["http"]["sourceIp"])
    return authorize(headers.get("authorization", ""), source_ip)
