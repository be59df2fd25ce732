"""The HTTP API."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.accounts.gate import as_caller
from crawlset.accounts.routes import router as accounts
from crawlset.crawls.estimate_routes import router as estimates
from crawlset.crawls.routes import router as crawls
from crawlset.datasets.routes import router as datasets
from crawlset.events.routes import router as events
from crawlset.exports.routes import router as exports
from crawlset.kit.http import build_app, with_entity_tag
from crawlset.observability import logger, metrics
from crawlset.projects.routes import router as projects
from crawlset.schedules.routes import router as schedules
from crawlset.schedules.template_routes import router as templates
from crawlset.validation.routes import router as validation

app = build_app([as_caller])
app.enable_swagger(path="/api/docs", title="Crawlset", version="0.1.0")
for router in (
    accounts,
    projects,
    estimates,
    crawls,
    validation,
    exports,
    templates,
    schedules,
    events,
    datasets,
):
    app.include_router(router)


@app.get("/api/health", summary="Whether the API answers", tags=["health"])
def health() -> tuple[dict[str, str], int]:
    return {"status": "ok"}, HTTPStatus.OK


@app.get("/api/openapi.json", include_in_schema=False)
def openapi() -> Response[str]:
    document = app.get_openapi_json_schema(title="Crawlset", version="0.1.0")
    return Response(HTTPStatus.OK, content_types.APPLICATION_JSON, document)


@logger.inject_lambda_context(
    correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True
)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return with_entity_tag(event, app.resolve(event, context))
