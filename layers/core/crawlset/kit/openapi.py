"""The OpenAPI document: what the routes say of themselves, and what is true of each of them."""

import json
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "For people"},
        "code": {"type": "string", "description": "For programs: it does not change"},
        "request_id": {"type": ["string", "null"], "description": "To be told when asking us"},
        "existing_id": {
            "type": "string",
            "format": "uuid",
            "description": "What has the name already, with code ProjectNameTakenError",
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer into the request"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
HEADERS = {
    "RateLimit": "Requests left in this minute, and the seconds until the next begins",
    "RateLimit-Policy": "Requests that this account may make a minute",
    "ETag": "Of this state of the resource",
    "Idempotency-Replayed": "The answer was given to an earlier request with this key",
}
PARAMETERS = {
    "Idempotency-Key": "A request repeated with its key, within 24 hours, makes nothing twice",
    "If-Match": "Change it only if it is still as this ETag of it says, else answer 412",
    "If-None-Match": "Answer 304 if its ETag is still this one",
}
_RATE: tuple[str, ...] = ("RateLimit", "RateLimit-Policy")
_OF_METHOD: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "get": ("If-None-Match", (*_RATE, "ETag")),
    "post": ("Idempotency-Key", (*_RATE, "Idempotency-Replayed")),
    "patch": ("If-Match", _RATE),
    "delete": ("If-Match", _RATE),
}
_SCHEMAS_LEFT_OUT = ("HTTPValidationError", "ValidationError", "ResponseValidationError")


def document(
    app: APIGatewayHttpResolver,
    *,
    title: str,
    version: str,
    description: str,
    is_open: set[str],
    has_token: set[str],
) -> dict[str, Any]:
    """
    The document of every route of `app`.

    Paths in `is_open` ask for nothing; those in `has_token` for an identity provider's token.
    """
    # 200 ms to import, which no other request needs.
    from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer  # noqa: PLC0415

    document: dict[str, Any] = json.loads(
        app.get_openapi_json_schema(
            title=title,
            version=version,
            description=description,
            security_schemes={
                "ApiKey": HTTPBearer(
                    bearerFormat="cs_<prefix>_<secret>",
                    description="An API key, which begins with `cs_`",
                ),
                "Oidc": HTTPBearer(
                    bearerFormat="JWT",
                    description="An identity provider's access token, to open a session",
                ),
            },
            security=[{"ApiKey": []}],
        )
    )
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(method, operation, has_key=path not in is_open | has_token)
            if path in has_token:
                operation["security"] = [{"Oidc": []}]
    components = document["components"]
    for name in _SCHEMAS_LEFT_OUT:
        components["schemas"].pop(name, None)
    components["schemas"] = dict(sorted((components["schemas"] | {"Problem": PROBLEM}).items()))
    components["headers"] = {
        name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()
    }
    components["parameters"] = {
        name: {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
        for name, text in PARAMETERS.items()
    }
    document["paths"] = dict(sorted(document["paths"].items()))
    return document


def _complete(method: str, operation: dict[str, Any], *, has_key: bool) -> None:
    operation["operationId"] = operation["operationId"].partition("_api_")[0]
    responses = operation["responses"]
    responses.pop("422", None)
    responses.get("204", {}).pop("content", None)
    responses["default"] = {
        "description": "A problem",
        "content": {"application/problem+json": {"schema": _ref("schemas", "Problem")}},
    }
    if not has_key:
        operation["security"] = []
        return
    parameter, headers = _OF_METHOD[method]
    is_json = "application/json" in responses.get("200", {}).get("content", {})
    if method == "get" and not is_json:
        parameter, headers = None, _RATE
    if parameter is not None:
        operation.setdefault("parameters", []).append(_ref("parameters", parameter))
    for status, response in responses.items():
        if status.startswith("2"):
            response["headers"] = {name: _ref("headers", name) for name in headers}
    if parameter == "If-None-Match":
        responses["304"] = {"description": "The caller has it already"}


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}
