"""What docs/openapi.json, generated from the real routes, says of a request and its answer."""

import json
import re
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from tests.infra.stack import ROOT

DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs/openapi.json").read_text())
ROUTES = [
    (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if isinstance(operation, dict)
]


def problems_of_request(request: httpx.Request) -> list[str]:
    """Why the real service would refuse the body."""
    body = _operation(request).get("requestBody")
    return _problems(body, json.loads(request.content or "null")) if body else []


def problems_of_answer(request: httpx.Request, answer: httpx.Response) -> list[str]:
    """What the real service would not answer."""
    said = _operation(request)["responses"].get(str(answer.status_code))
    if said is None:
        return [f"{request.method} {request.url.path} never answers {answer.status_code}"]
    return _problems(said, answer.json()) if "application/json" in said.get("content", {}) else []


def _operation(request: httpx.Request) -> dict[str, Any]:
    return next(
        operation
        for method, path, operation in ROUTES
        if method == request.method and path.fullmatch(request.url.path)
    )


def _problems(described: dict[str, Any], value: Any) -> list[str]:
    schema = described["content"]["application/json"]["schema"]
    found = _validator(json.dumps(schema)).iter_errors(value)
    return [f"{error.json_path}: {error.message}" for error in found]


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "components": DOCUMENT["components"]})
