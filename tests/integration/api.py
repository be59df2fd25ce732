"""Call the API function as the gateway does."""

import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from functions.api import app

CONTEXT: Any = SimpleNamespace(
    function_name="api",
    memory_limit_in_mb=128,
    invoked_function_arn="arn:aws:lambda:us-east-1:1:function:api",
    aws_request_id="request-1",
)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str]
    """By lower-case name."""


class Api:
    """The API as one caller sees it."""

    def __init__(self, user_id: UUID, scopes: str = "read write admin") -> None:
        self.caller = {"user_id": str(user_id), "key_id": "k", "scopes": scopes}

    def call(
        self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        answer = self.ask(method, path, body, query)
        return answer.status, answer.body

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: dict[str, str] | None = None,
        **headers: str,
    ) -> Answer:
        """`headers` by name, with `_` for `-`."""
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": urlencode(query or {}),
            "queryStringParameters": query or {},
            "headers": {"content-type": "application/json"}
            | {name.replace("_", "-").lower(): value for name, value in headers.items()},
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
        text = response["body"] or "null"
        answered = {name.lower(): value for name, value in response["headers"].items()}
        is_json = text == "null" or "json" in answered["content-type"]
        body = json.loads(text) if is_json else text
        return Answer(response["statusCode"], body, answered)
