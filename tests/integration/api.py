"""Call the API function as the gateway does."""

import json
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from functions.api import app

CONTEXT: Any = SimpleNamespace(
    function_name="api",
    memory_limit_in_mb=128,
    invoked_function_arn="arn:aws:lambda:us-east-1:1:function:api",
    aws_request_id="request-1",
)


class Api:
    """The API as one caller sees it."""

    def __init__(self, user_id: UUID, scopes: str = "read write admin") -> None:
        self.caller = {"user_id": str(user_id), "key_id": "k", "scopes": scopes}

    def call(
        self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": "",
            "queryStringParameters": query or {},
            "headers": {"content-type": "application/json"},
            "requestContext": {
                "requestId": "r-1",
                "stage": "$default",
                "http": {"method": method, "path": path},
                "authorizer": {"lambda": self.caller},
            },
            "body": json.dumps(body) if body is not None else None,
            "isBase64Encoded": False,
        }
        response = app.handler(event, CONTEXT)
        return response["statusCode"], json.loads(response["body"] or "null")
