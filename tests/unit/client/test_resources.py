"""Every method of every resource asks for a route that docs/openapi.json has."""

import inspect
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from crawlset_client.api import Crawlset
from crawlset_client.api.connection import Resource
from crawlset_client.errors import ApiError
from tests.unit.client.fake_answers import API_KEY, API_URL

ROOT = Path(__file__).parents[3]
PATHS: dict[str, dict[str, Any]] = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
OF_THE_STORE = {"exports.download"}
"""Methods that ask the object store alone."""
GIVEN: dict[str, Any] = {"image_id": 7, "scopes": ["read"], "path": ROOT / "README.md"}
"""Arguments that are no text."""


def methods() -> list[str]:
    with Crawlset(API_URL, API_KEY) as crawlset:
        return [
            f"{attribute}.{name}"
            for attribute, resource in vars(crawlset).items()
            if isinstance(resource, Resource)
            for name, _ in inspect.getmembers(resource, inspect.ismethod)
            if not name.startswith("_") and f"{attribute}.{name}" not in OF_THE_STORE
        ]


def arguments(method: Callable[..., Any]) -> dict[str, Any]:
    """The required arguments of a method."""
    return {
        name: GIVEN.get(name, f"a-{name}")
        for name, parameter in inspect.signature(method).parameters.items()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    }


@pytest.mark.parametrize("named", methods())
def test_method_asks_for_a_route_that_exists(named: str) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(404, json={"code": "NotFoundError", "detail": "Nothing is here."})

    with Crawlset(API_URL, API_KEY, transport=httpx.MockTransport(answer)) as crawlset:
        attribute, _, name = named.partition(".")
        method = getattr(getattr(crawlset, attribute), name)
        with suppress(ApiError):
            answered = method(**arguments(method))
            assert isinstance(answered, Iterator)
            list(answered)

    (request,) = asked
    routes = [
        path for path in PATHS if re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), request.url.path)
    ]
    assert any(request.method.lower() in PATHS[path] for path in routes), request.url.path
