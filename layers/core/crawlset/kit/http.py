"""What every HTTP entry point shares: who calls, one transaction, one error format."""

import json
from http import HTTPStatus
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as NoRouteError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestValidationError,
)

from crawlset.errors import AppError, ForbiddenError
from crawlset.kit import db
from crawlset.observability import logger

PROBLEM_JSON = "application/problem+json"
READ_METHODS = frozenset({"GET", "HEAD"})


class MissingScopeError(ForbiddenError):
    def __init__(self, scope: str) -> None:
        super().__init__(f"This API key lacks the scope {scope!r}.")


def build_app() -> APIGatewayHttpResolver:
    app = APIGatewayHttpResolver(enable_validation=True)
    app.use(middlewares=[as_caller])

    def reject(error: AppError) -> Response[str]:
        code = type(error).__name__
        logger.info("request_rejected", code=code, detail=str(error))
        pointer = getattr(error, "pointer", None)
        errors = [{"pointer": pointer, "detail": str(error)}] if pointer else None
        return problem(app, error.status, code=code, detail=str(error), errors=errors)

    def reject_invalid(error: RequestValidationError) -> Response[str]:
        errors = [
            {"pointer": "/" + "/".join(map(str, e["loc"][1:])), "detail": e["msg"]}
            for e in error.errors()
        ]
        logger.info("request_invalid", pointers=[e["pointer"] for e in errors])
        detail = "; ".join(f"{e['pointer']}: {e['detail']}" for e in errors[:3])
        return problem(
            app,
            HTTPStatus.UNPROCESSABLE_ENTITY,
            code="InvalidRequestError",
            detail=detail,
            errors=errors,
        )

    def fail(error: Exception) -> Response[str]:
        logger.exception("request_failed", error=type(error).__name__)
        return problem(
            app,
            HTTPStatus.INTERNAL_SERVER_ERROR,
            code="InternalError",
            detail="Something went wrong on our side; nothing was changed.",
        )

    def reject_unknown_route(_: NoRouteError) -> Response[str]:
        path = app.current_event.path
        return problem(
            app,
            HTTPStatus.NOT_FOUND,
            code="NoRouteError",
            detail=f"There is no route {path}.",
        )

    app.exception_handler(AppError)(reject)
    app.exception_handler(RequestValidationError)(reject_invalid)
    app.exception_handler(Exception)(fail)
    app.not_found(reject_unknown_route)
    return app


def as_caller(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """One transaction, of the caller that the authorizer named. An open route has no caller."""
    caller = app.current_event.raw_event["requestContext"].get("authorizer", {}).get("lambda")
    if not caller:
        return next_middleware(app)
    scope = "read" if app.current_event.http_method in READ_METHODS else "write"
    if scope not in caller["scopes"].split():
        raise MissingScopeError(scope)
    user_id = UUID(caller["user_id"])
    with db.transaction(user_id) as session:
        app.append_context(session=session, user_id=user_id)
        return next_middleware(app)


def problem(
    app: APIGatewayHttpResolver,
    status: HTTPStatus,
    *,
    code: str,
    detail: str,
    errors: list[dict[str, Any]] | None = None,
) -> Response[str]:
    """Render RFC 9457 problem details."""
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": app.current_event.raw_event["requestContext"].get("requestId"),
    }
    if errors:
        body["errors"] = errors
    return Response(status_code=status, content_type=PROBLEM_JSON, body=json.dumps(body))
