"""The HTTP API."""

import json
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset import __version__
from crawlset.accounts.gate import as_caller, once_more
from crawlset.accounts.routes import router as accounts
from crawlset.accounts.session_routes import router as sessions
from crawlset.crawls.routes import router as crawls
from crawlset.datasets.deprecation import with_deprecation
from crawlset.datasets.routes import router as datasets
from crawlset.estimates.routes import router as estimates
from crawlset.events.routes import router as events
from crawlset.exports.routes import router as exports
from crawlset.finding import routes as finding_routes
from crawlset.hosts.routes import router as hosts
from crawlset.images import thumbnail_routes
from crawlset.images.routes import router as images
from crawlset.kit import openapi
from crawlset.kit.docs_page import docs_page
from crawlset.kit.http import build_app, json_only, secured, with_entity_tag
from crawlset.observability import logger, metrics
from crawlset.pipeline.routes import router as pipelines
from crawlset.projects.routes import router as projects
from crawlset.rights.routes import router as rights
from crawlset.schedules.routes import router as schedules
from crawlset.schedules.template_routes import router as templates
from crawlset.sources.routes import router as sources
from crawlset.takedowns.routes import router as takedowns
from crawlset.uploads.routes import router as uploads
from crawlset.validation import report_routes
from crawlset.validation.routes import router as validation
from crawlset.webhooks.routes import router as webhooks

DOCS_PATH = "/api/docs"
OPEN_PATHS = {"/", "/api/health", "/api/openapi.json", DOCS_PATH}
TOKEN_PATHS = {"/api/session"}

app = build_app([once_more, as_caller])
for router in (
    accounts,
    sessions,
    projects,
    sources,
    estimates,
    uploads,
    crawls,
    images,
    thumbnail_routes.build_router(),
    finding_routes.build_router(),
    report_routes.build_router(),
    validation,
    pipelines,
    exports,
    templates,
    schedules,
    events,
    webhooks,
    hosts,
    takedowns,
    rights,
    datasets,
):
    app.include_router(router)


@app.get("/api/health", summary="Whether the API answers", tags=["health"])
def health() -> dict[str, str]:
    return {"status": "ok", "version": __version__}


def document() -> str:
    """The OpenAPI document, as JSON."""
    described = openapi.document(
        app,
        title="Crawlset",
        version=__version__,
        description="Keywords or URL lists in, a licence-checked, de-duplicated image dataset out.",
        is_open=OPEN_PATHS,
        has_token=TOKEN_PATHS,
    )
    return json.dumps(described, indent=1, ensure_ascii=False)


@app.get("/api/openapi.json", include_in_schema=False)
def get_document() -> Response[str]:
    return Response(HTTPStatus.OK, content_types.APPLICATION_JSON, document())


@app.get(DOCS_PATH, include_in_schema=False, compress=True)
def get_docs() -> Response[str]:
    page = docs_page("Crawlset API", "openapi.json")
    return Response(
        HTTPStatus.OK,
        "text/html; charset=utf-8",
        page.html,
        headers={
            "Cache-Control": "public, max-age=300",
            "Content-Security-Policy": page.content_security_policy,
        },
    )


@app.get("/", include_in_schema=False)
def get_start() -> Response[None]:
    """Lead whoever opens the bare address to the documentation."""
    return Response(HTTPStatus.FOUND, headers={"Location": DOCS_PATH, "Cache-Control": "no-cache"})


@logger.inject_lambda_context(
    correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True
)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    answer = secured(app.resolve(json_only(event), context))
    answer["body"] = answer["body"] or ""  # null, of a 204, is no body to every gateway
    return with_deprecation(event, with_entity_tag(event, answer))
