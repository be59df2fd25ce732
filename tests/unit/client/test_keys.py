import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.unit.client.conftest import Shell
from tests.unit.client.fake_answers import NOW, not_found, page
from tests.unit.client.fake_api import FakeApi

PATH = "/api/api-keys"
TEXT = "cs_0123456789ab_secret"


@dataclass
class FakeAccounts(FakeApi):
    """The fake service with API keys, in the order they were made."""

    keys: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.startswith(PATH):
            return super().answer(request)
        request.read()
        self.requests.append(request)
        if request.method == "POST":
            return httpx.Response(201, json=self.add(**json.loads(request.content)) | {"key": TEXT})
        if request.method == "GET":
            return page(request, [*self.keys.values()][::-1])
        id_ = request.url.path.removeprefix(f"{PATH}/")
        if id_ not in self.keys:
            return not_found("API key", id_)
        self.keys[id_]["revoked_at"] = NOW
        return httpx.Response(204)

    def add(self, **fields: Any) -> dict[str, Any]:
        key = {
            "id": str(uuid4()),
            "name": "ci",
            "prefix": "0123456789ab",
            "scopes": ["read"],
            "expires_at": None,
            "revoked_at": None,
            "last_used_at": None,
            "created_at": NOW,
        } | fields
        self.keys[str(key["id"])] = key
        return key


@pytest.fixture
def api() -> FakeAccounts:
    return FakeAccounts()


class TestCreate:
    def test_prints_the_key_alone_on_standard_output(self, shell: Shell) -> None:
        result = shell.run("keys", "create", "ci")

        assert (result.exit_code, result.stdout) == (0, f"{TEXT}\n")
        assert "not shown again" in result.stderr

    def test_asks_for_reading_and_writing_unless_told(
        self, api: FakeAccounts, shell: Shell
    ) -> None:
        shell.run("keys", "create", "ci")
        usual = api.sent("POST", PATH)
        shell.run("keys", "create", "ci", "--scope", "read", "--scope", "admin")

        assert usual == {"name": "ci", "scopes": ["read", "write"]}
        assert api.sent("POST", PATH)["scopes"] == ["read", "admin"]

    def test_asks_for_an_end(self, api: FakeAccounts, shell: Shell) -> None:
        shell.run("keys", "create", "ci", "--expires-in-days", "30")

        expires_at = datetime.fromisoformat(api.sent("POST", PATH)["expires_at"])
        left = expires_at - datetime.now(UTC)
        assert timedelta(days=29, hours=23) < left <= timedelta(days=30)

    def test_lets_nobody_keep_the_answer(self, api: FakeAccounts, shell: Shell) -> None:
        document = shell.json("keys", "create", "ci")

        assert document["key"] == TEXT
        assert "idempotency-key" not in api.requests[-1].headers


class TestList:
    def test_shows_every_key_and_whether_it_opens_anything(
        self, api: FakeAccounts, shell: Shell
    ) -> None:
        api.add(name="a")
        api.add(name="b", revoked_at=NOW)
        api.add(name="c", expires_at=NOW)
        api.add(name="d", expires_at="2999-01-01T00:00:00Z", last_used_at=NOW)

        drawn = shell.run("keys", "list").stdout

        assert [key["name"] for key in shell.json("keys", "list")["items"]] == ["d", "c", "b", "a"]
        for state in (
            "usable",
            "revoked 2026-01-02",
            "expired 2026-01-02",
            "usable until 2999-01-",
        ):
            assert state in drawn


class TestRevoke:
    def test_revokes(self, api: FakeAccounts, shell: Shell) -> None:
        key_id = api.add()["id"]

        assert shell.json("keys", "revoke", key_id, "--yes") == {"revoked": key_id}
        assert api.keys[key_id]["revoked_at"] == NOW

    def test_asks_before_what_cannot_be_taken_back(self, api: FakeAccounts, shell: Shell) -> None:
        key_id = api.add()["id"]

        result = shell.run("keys", "revoke", key_id)

        assert (result.exit_code, api.keys[key_id]["revoked_at"]) == (2, None)
        assert f"Give --yes to revoke API key {key_id} for good." in result.stderr

    def test_tells_of_a_key_that_is_not_there(self, shell: Shell) -> None:
        result = shell.run("keys", "revoke", str(uuid4()), "--yes")

        assert result.exit_code == 4
        assert "There is no API key" in result.stderr

    def test_sends_and_prints_no_key_given_by_mistake(
        self, api: FakeAccounts, shell: Shell
    ) -> None:
        result = shell.run("keys", "revoke", TEXT)

        assert (result.exit_code, api.requests) == (2, [])
        assert TEXT not in result.output
