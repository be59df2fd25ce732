"""What functions are invoked with: a context, and a request from the gateway."""

import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

CONTEXT: Any = SimpleNamespace(
    function_name="api",
    memory_limit_in_mb=128,
    invoked_function_arn="arn:aws:lambda:us-east-1:1:function:api",
    aws_request_id="request-1",
    get_remaining_time_in_millis=lambda: 900_000,
)


def request(
    method: str,
    path: str,
    authorizer: dict[str, Any] | None = None,
    *,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    body: Any = None,
) -> dict[str, Any]:
    """A request in version 2.0 of the gateway's format; `body` becomes JSON."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": urlencode(query or {}),
        "queryStringParameters": query or {},
        "headers": headers or {},
        "requestContext": {
            "requestId": "r-one",
            "stage": "$default",
            "http": {"method": method, "path": path, "sourceIp": "203.0.113.7"},
            **({"authorizer": authorizer} if authorizer else {}),
        },
        "body": json.dumps(body) if body is not None else None,
        "isBase64Encoded": False,
    }


def reader(user_id: object) -> dict[str, Any]:
    """The authorizer's answer to a key of the user that may read."""
    return {"lambda": {"user_id": str(user_id), "key_id": "k", "scopes": "read"}}
