"""Call the API function as the gateway does."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from functions.api import app
from tests.invocations import CONTEXT, request


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
        sent = {"content-type": "application/json"}
        sent |= {name.replace("_", "-").lower(): value for name, value in headers.items()}
        event = request(method, path, {"lambda": self.caller}, query=query, headers=sent, body=body)
        response = app.handler(event, CONTEXT)
        text = response["body"] or "null"
        answered = {name.lower(): value for name, value in response["headers"].items()}
        is_json = text == "null" or "json" in answered["content-type"]
        body = json.loads(text) if is_json else text
        return Answer(response["statusCode"], body, answered)
