"""The authorizer, of what cannot be a key or comes where it may not: it asks no database."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.accounts import edge, keys
from crawlset.kit import db
from functions.authorize import app as authorize
from tests.invocations import CONTEXT


def ask(header: str) -> dict[str, Any]:
    http = {"method": "GET", "path": "/api/projects", "sourceIp": "192.0.2.1"}
    headers = {"authorization": header}
    return authorize.handler({"headers": headers, "requestContext": {"http": http}}, CONTEXT)


@pytest.fixture(autouse=True)
def database_is_out_of_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Session:
        raise AssertionError

    monkeypatch.setattr(db, "new_session", fail)


class TestAuthorizeWithoutDatabase:
    @pytest.mark.parametrize(
        "header",
        ["", "Bearer", "Bearer cs_x", f"Basic {keys.generate()}", f"Bearer {keys.generate()}x"],
        ids=["none", "no_key", "short", "basic", "long"],
    )
    def test_refuses_what_has_not_the_shape_of_a_key(self, header: str) -> None:
        assert ask(header) == {"isAuthorized": False}

    def test_refuses_a_key_that_passed_by_the_edge(self, monkeypatch: pytest.MonkeyPatch) -> None:
        known = settings.EdgeSettings(edge_digest="e" * 64)
        monkeypatch.setattr(edge, "edge_settings", lambda: known)

        assert ask(f"Bearer {keys.generate()}") == {"isAuthorized": False}
