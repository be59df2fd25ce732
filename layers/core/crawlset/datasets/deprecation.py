"""Datasets go: since when, until when they answer, and what takes their place."""

from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware

from crawlset.errors import AppError

PATH = "/api/datasets"
DEPRECATED = datetime(2026, 11, 1, tzinfo=UTC)
SUNSET = datetime(2027, 11, 1, tzinfo=UTC)
HEADERS = {
    "Deprecation": f"@{round(DEPRECATED.timestamp())}",
    "Sunset": format_datetime(SUNSET, usegmt=True),
    "Link": (
        '</api/docs>; rel="deprecation"; type="text/html", '
        '</api/docs>; rel="sunset"; type="text/html", '
        '</api/projects>; rel="successor-version"'
    ),
}
"""RFC 9745, RFC 8594, RFC 8288."""


class SunsetError(AppError):
    status = HTTPStatus.GONE

    def __init__(self) -> None:
        super().__init__(
            f"Datasets ended on {SUNSET:%Y-%m-%d}. Use projects and crawl jobs: /api/projects."
        )


def now() -> datetime:
    return datetime.now(UTC)


def until_sunset(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """
    Raises:
        SunsetError: they have ended.
    """
    if now() >= SUNSET:
        raise SunsetError
    return next_middleware(app)


def with_deprecation(event: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Tell with each answer about datasets, problems too, that they go."""
    path = event["rawPath"]
    if path != PATH and not path.startswith(f"{PATH}/"):
        return answer
    return answer | {"headers": {**answer["headers"], **HEADERS}}
