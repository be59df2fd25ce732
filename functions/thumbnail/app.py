"""The routes of the HTTP API that open images."""

from typing import Any

from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.accounts.gate import admit, once_more
from crawlset.images import thumbnail_routes
from crawlset.kit.http import build_app, secured
from crawlset.observability import logger, metrics
from crawlset.validation import report_routes

app = build_app([once_more, admit])
app.include_router(thumbnail_routes.build_router())
app.include_router(report_routes.build_router())


@logger.inject_lambda_context(
    correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True
)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return secured(app.resolve(event, context))
