"""The route of the HTTP API that compares vectors."""

from typing import Any

from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.accounts.gate import admit, once_more
from crawlset.finding.routes import build_router
from crawlset.kit.http import build_app, secured
from crawlset.observability import logger, metrics

app = build_app([once_more, admit])
app.include_router(build_router())


@logger.inject_lambda_context(
    correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True
)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return secured(app.resolve(event, context))
