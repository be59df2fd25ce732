"""An expired API key opens nothing, and its owner is told that it has expired."""

import json
import re
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


def ask(function: ModuleType, method: str, path: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    path = re.sub(r"\{[^}]+\}", "01a2242c-c558-7275-a163-d0ecdb03846d", path)
    path = path.replace("/images/01a2242c-c558-7275-a163-d0ecdb03846d", "/images/1")
    event = request(method, path, {"lambda": EXPIRED})
    answer = function.handler(event, CONTEXT)
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    return answer["statusCode"], json.loads(answer["body"]), headers


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_opens_no_operation(method: str, path: str) -> None:
    """None of them reaches the database, which is not there."""
    status, problem, _ = ask(app, method, path)

    lacks_body = method in {"POST", "PATCH"} and status == 422
    assert lacks_body or (status, problem["code"]) == (401, "ApiKeyExpiredError")


@pytest.mark.parametrize(("method", "path"), OPENING_IMAGES)
def test_opens_no_image(method: str, path: str) -> None:
    status, problem, _ = ask(thumbnail, method, path)

    assert (status, problem["code"]) == (401, "ApiKeyExpiredError")


def test_is_told_when_it_expired() -> None:
    _, problem, headers = ask(app, "GET", "/api/projects")

    assert problem["detail"] == "This API key expired at 2026-11-28 20:00 UTC."
    assert headers["www-authenticate"] == 'Bearer error="invalid_token"'
