"""An expired API key opens nothing, and its owner is told that it has expired."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from functions.api import app
from functions.thumbnail import app as thumbnail
from tests.invocations import CONTEXT, request

EXPIRED = {"expired_at": "2026-11-28T21:00:00.123456+01:00"}
OPERATIONS = [
    (method.upper(), path)
    for path, methods in json.loads(app.document())["paths"].items()
    for method in methods
    if path not in app.OPEN_PATHS | app.TOKEN_PATHS
]
OPENING_IMAGES = [
    (method, path) for method, path in OPERATIONS if path.endswith(("/thumbnail", "/report.html"))
]


Answer = tuple[int, dict[str, Any], dict[str, str]]


def ask(
    function: ModuleType, method: str, path: str, context: Mapping[str, str] = EXPIRED
) -> Answer:
    path = re.sub(r"\{[^}]+\}", "01a2242c-c558-7275-a163-d0ecdb03846d", path)
    path = path.replace("/images/01a2242c-c558-7275-a163-d0ecdb03846d", "/images/1")
    event = request(method, path, {"lambda": context})
    answer = function.handler(event, CONTEXT)
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    return answer["statusCode"], json.loads(answer["body"]), headers


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_opens_no_operation(method: str, path: str) -> None:
    """None of them reaches the database, which is not there."""
    status, problem, _ = ask(app, method, path)

    assert (status, problem["code"]) == (401, "ApiKeyExpiredError")


@pytest.mark.parametrize(("method", "path"), OPENING_IMAGES)
def test_opens_no_image(method: str, path: str) -> None:
    status, problem, _ = ask(thumbnail, method, path)

    assert (status, problem["code"]) == (401, "ApiKeyExpiredError")


def test_is_told_when_it_expired() -> None:
    _, problem, headers = ask(app, "GET", "/api/projects")

    assert problem["detail"] == "This API key expired at 2026-11-28 20:00 UTC."
    assert headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("function", [app, thumbnail])
def test_expires_while_the_gateway_keeps_the_authorizer_s_answer(function: ModuleType) -> None:
    """For as long as `AuthorizerResultTtlInSeconds` says, whatever happens to the key."""
    expires_at = datetime.now(UTC) - timedelta(milliseconds=1)
    context = {"user_id": "u", "scopes": "read", "expires_at": expires_at.isoformat()}

    status, problem, _ = ask(function, *OPENING_IMAGES[0], context)

    assert (status, problem["code"]) == (401, "ApiKeyExpiredError")


class TestLimitedAddress:
    """One that has shown many unknown keys: it is told when to ask again, and opens nothing."""

    @staticmethod
    def context(seconds: float) -> dict[str, str]:
        return {"limited_until": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()}

    @pytest.mark.parametrize(("method", "path"), OPERATIONS)
    def test_opens_no_operation(self, method: str, path: str) -> None:
        status, problem, headers = ask(app, method, path, self.context(45))

        assert (status, problem["code"]) == (429, "FailuresExceededError")
        assert headers["retry-after"] in {"44", "45"}

    @pytest.mark.parametrize(("method", "path"), OPENING_IMAGES)
    def test_opens_no_image(self, method: str, path: str) -> None:
        status, _, headers = ask(thumbnail, method, path, self.context(-3))

        assert (status, headers["retry-after"]) == (429, "1")
