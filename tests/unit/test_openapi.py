"""The contract: docs/openapi.json is what the routes say, and the gateway has the same."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.api import app
from tests.infra.test_api import OPERATIONS

DOCUMENT = json.loads(app.document())
COMMITTED = Path(__file__).parents[2] / "docs/openapi.json"
METHODS = {
    (path, method): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
ANY = "x-amazon-apigateway-any-method"


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_is_committed() -> None:
    """`make openapi` writes it."""
    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == DOCUMENT


def test_refers_to_what_is_there() -> None:
    def is_there(reference: str) -> bool:
        node = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            if name not in node:
                return False
            node = node[name]
        return True

    found = set(references(DOCUMENT))

    assert found
    assert {reference for reference in found if not is_there(reference)} == set()


def test_names_each_operation_once() -> None:
    names = [operation["operationId"] for operation in METHODS.values()]

    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names)


def test_has_the_gateway_s_routes() -> None:
    """What the gateway knows by name is documented; the rest goes through its last route."""
    gateway = {path for path, _ in OPERATIONS} - {"/api/{proxy+}"}
    undocumented = {"/", "/api/openapi.json", "/api/docs"}

    assert gateway - undocumented <= set(DOCUMENT["paths"])


@pytest.mark.parametrize(("path", "method"), METHODS)
class TestOperation:
    def test_tells_its_success_and_its_problems(self, path: str, method: str) -> None:
        operation = METHODS[path, method]
        (success,) = (status for status in operation["responses"] if status.startswith("2"))

        assert "application/problem+json" in operation["responses"]["default"]["content"]
        assert ("content" in operation["responses"][success]) is (success != "204")
        assert operation["summary"]

    def test_refuses_unknown_fields(self, path: str, method: str) -> None:
        body = METHODS[path, method].get("requestBody")
        if body is None:
            return
        schema = body["content"]["application/json"]["schema"]
        for option in schema.get("anyOf", [schema]):
            if "$ref" in option:
                name = option["$ref"].rpartition("/")[2]
                assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False

    def test_asks_for_a_key_unless_it_is_open(self, path: str, method: str) -> None:
        assert (METHODS[path, method].get("security") == []) is (path in app.OPEN_PATHS)
