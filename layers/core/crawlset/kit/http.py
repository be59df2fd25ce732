"""What every HTTP entry point shares: one error format, and validators of representations."""

import hashlib
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as NoRouteError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.middlewares.openapi_validation import (
    OpenAPIRequestValidationMiddleware,
    OpenAPIResponseValidationMiddleware,
)
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
)
from aws_lambda_powertools.shared.json_encoder import Encoder
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import BaseModel

from crawlset.errors import AppError, AwsAwayError, PreconditionFailedError
from crawlset.kit import aws
from crawlset.kit.incoming import read_json, refuse_unreadable
from crawlset.kit.security_headers import SECURITY_HEADERS
from crawlset.observability import count_failure, logger

ERRORS_IN_DETAIL = 3
PROBLEM_JSON = "application/problem+json"
_BESIDE = frozenset({"crawl_jobs", "projects", "usage"})
"""Fields of a project and a profile that change without them."""
Middleware = Callable[[APIGatewayHttpResolver, NextMiddleware], Response[Any]]


def build_app(gates: list[Middleware]) -> APIGatewayHttpResolver:
    """
    An application whose every request passes `gates` before anything of it is validated.

    With `enable_validation` Powertools would validate first (`Route._build_middleware_stack` of its
    api_gateway.py), and an invalid request would need neither scope nor allowance.
    """
    app = APIGatewayHttpResolver(json_body_deserializer=read_json, serializer=_to_json)
    app.use(
        middlewares=[
            *gates,
            refuse_unreadable,
            OpenAPIRequestValidationMiddleware(),
            OpenAPIResponseValidationMiddleware(),
        ]
    )

    def reject(error: AppError) -> Response[str]:
        code = type(error).__name__
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.exception("request_failed", error=code)
        else:
            logger.info("request_rejected", code=code, detail=str(error))
        pointer = getattr(error, "pointer", None)
        errors = [{"pointer": pointer, "detail": str(error)}] if pointer else None
        return problem(
            app,
            error.status,
            code=code,
            detail=str(error),
            errors=errors,
            existing_id=getattr(error, "existing_id", None),
            headers=error.headers,
        )

    def reject_invalid(error: RequestValidationError) -> Response[str]:
        errors = [
            {"pointer": "/" + "/".join(map(str, e["loc"][1:])), "detail": e["msg"]}
            for e in error.errors()
        ]
        logger.info("request_invalid", pointers=[e["pointer"] for e in errors])
        detail = "; ".join(f"{e['pointer']}: {e['detail']}" for e in errors[:ERRORS_IN_DETAIL])
        if len(errors) > ERRORS_IN_DETAIL:
            detail += f"; and {len(errors) - ERRORS_IN_DETAIL} more"
        return problem(
            app,
            HTTPStatus.UNPROCESSABLE_ENTITY,
            code="InvalidRequestError",
            detail=detail,
            errors=errors,
        )

    def reject_media_type(_: RequestUnsupportedContentType) -> Response[str]:
        return problem(
            app,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            code="UnsupportedMediaTypeError",
            detail="A body is JSON: send `Content-Type: application/json`.",
        )

    def fail(error: Exception) -> Response[str]:
        if aws.is_unavailable(error):
            return reject(AwsAwayError())
        logger.exception("request_failed", error=type(error).__name__)
        count_failure()
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
    app.exception_handler(RequestUnsupportedContentType)(reject_media_type)
    app.exception_handler(Exception)(fail)
    app.not_found(reject_unknown_route)
    return app


def _to_json(body: Any) -> str:
    """Write letters as they are: escaped, those of other scripts take twice the bytes."""
    return json.dumps(body, separators=(",", ":"), cls=Encoder, ensure_ascii=False)


def problem(
    app: APIGatewayHttpResolver,
    status: HTTPStatus,
    *,
    code: str,
    detail: str,
    errors: list[dict[str, Any]] | None = None,
    existing_id: UUID | None = None,
    headers: Mapping[str, str] | None = None,
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
    if existing_id:
        body["existing_id"] = str(existing_id)
    return Response(
        status_code=status,
        content_type=PROBLEM_JSON,
        body=json.dumps(body),
        headers={**app.context.get("headers", {}), **(headers or {})},
    )


def entity_tag(body: dict[str, Any]) -> str:
    """
    The strong validator of a representation: the same JSON, however it is written.

    What stands before its dot is of the resource alone, so that a change need not match what is
    shown beside it; the whole is of all that is shown, so that a 304 is never stale.
    """
    own = {name: value for name, value in body.items() if name not in _BESIDE}
    return f'"{_digest(own)}.{_digest(body)}"'


def _digest(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def json_only(event: dict[str, Any]) -> dict[str, Any]:
    """
    The event with any other type of body hidden from the framework.

    Powertools reads forms and multipart bodies where no route takes them, and fails on broken ones
    (`_parse_multipart_data` of its openapi_validation.py raises ValueError without a boundary).
    """
    kind = event["headers"].get("content-type", "").strip()
    if not kind or kind.startswith(content_types.APPLICATION_JSON):
        return event
    return event | {"headers": event["headers"] | {"content-type": f'"{kind}"'}}


def secured(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with the security headers that it does not set itself."""
    return answer | {"headers": {**SECURITY_HEADERS, **answer["headers"]}}


def with_entity_tag(event: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Tell a GET's `ETag`, and leave out a body that the caller has already."""
    is_get = event["requestContext"]["http"]["method"] == "GET"
    if not is_get or answer["statusCode"] != HTTPStatus.OK or answer.get("isBase64Encoded"):
        return answer
    if answer["headers"].get("Content-Type") != content_types.APPLICATION_JSON:
        return answer
    tag = entity_tag(json.loads(answer["body"]))
    headers = {**answer["headers"], "ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in _tags(event["headers"].get("if-none-match", "")):
        return answer | {"statusCode": HTTPStatus.NOT_MODIFIED, "headers": headers, "body": ""}
    return answer | {"headers": headers}


def require_match(event: APIGatewayProxyEventV2, shown: BaseModel) -> None:
    """
    Let a change through if `shown`, a resource as a GET gives it, is what the caller has seen.

    What is shown beside the resource may have moved on. Call it with the row locked.

    Raises:
        PreconditionFailedError: the request's `If-Match` is of another state.
    """
    header = event.headers.get("if-match")
    if header is None or header.strip() == "*":
        return
    if _own(entity_tag(shown.model_dump(mode="json"))) not in map(_own, _tags(header)):
        raise PreconditionFailedError


def _own(tag: str) -> str:
    return tag.partition(".")[0]


def _tags(header: str) -> list[str]:
    return [tag.strip() for tag in header.split(",")]
