import json
import re
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.unit.client.conftest import Shell
from tests.unit.client.fake_answers import NOW, not_found, page
from tests.unit.client.fake_api import FakeApi

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOOK = "https://hooks.example.org/"


@dataclass
class FakeWebhooks(FakeApi):
    """The fake service with webhooks, of each of which one delivery failed."""

    hooks: dict[str, dict[str, Any]] = field(default_factory=dict)
    deliveries: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = r"/api/webhooks(?:/([^/]+))?(/deliveries(?:/([^/]+)/replay)?)?"
        match = re.fullmatch(path, request.url.path)
        if match is None:
            return super().answer(request)
        request.read()
        self.requests.append(request)
        id_, is_delivery, replayed = match.groups()
        if id_ is None:
            return self._answer_all(request)
        if id_ not in self.hooks:
            return not_found("webhook", id_)
        if is_delivery:
            return self._answer_deliveries(request, id_, is_replay=replayed is not None)
        if request.method == "DELETE":
            del self.hooks[id_]
            return httpx.Response(204)
        self.hooks[id_] |= json.loads(request.content)
        return httpx.Response(200, json=self.hooks[id_])

    def _answer_all(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(201, json=self.add(**json.loads(request.content)))
        return page(request, [*self.hooks.values()][::-1])

    def _answer_deliveries(
        self, request: httpx.Request, id_: str, *, is_replay: bool
    ) -> httpx.Response:
        found = self.deliveries[id_]
        if is_replay:
            found |= {"status": "pending", "n_attempts": 0}
            return httpx.Response(200, json=found)
        wanted = request.url.params.get("status")
        return page(request, [found] if wanted in {None, found["status"]} else [])

    def add(self, **fields: Any) -> dict[str, Any]:
        id_ = str(uuid4())
        self.hooks[id_] = {"id": id_, "is_enabled": True, "created_at": NOW, **fields}
        self.deliveries[id_] = {
            "id": str(uuid4()),
            "event": {"type": "crawl_job.failed"},
            "status": "failed",
            "n_attempts": 8,
            "last_detail": "HTTP 500",
            "created_at": NOW,
        }
        return self.hooks[id_] | {"secret": SECRET}


@pytest.fixture
def api() -> FakeWebhooks:
    return FakeWebhooks()


@pytest.fixture
def hook(api: FakeWebhooks) -> str:
    return str(api.add(url=HOOK, events=["*"])["id"])


class TestWebhooks:
    def test_print_the_secret_alone_on_standard_output(
        self, api: FakeWebhooks, shell: Shell
    ) -> None:
        result = shell.run("webhooks", "create", HOOK, "--event", "crawl_job.completed")

        assert result.stdout == f"{SECRET}\n"
        assert api.sent("POST", "/webhooks") == {"url": HOOK, "events": ["crawl_job.completed"]}
        assert "idempotency-key" not in api.requests[-1].headers

    def test_are_listed(self, shell: Shell, hook: str) -> None:
        result = shell.run("webhooks", "list")

        assert hook in result.stdout
        assert HOOK in result.stdout
        assert SECRET not in result.stdout

    def test_are_disabled_and_enabled(self, api: FakeWebhooks, shell: Shell, hook: str) -> None:
        disabled = shell.json("webhooks", "disable", hook)
        enabled = shell.json("webhooks", "enable", hook)

        assert [disabled["is_enabled"], enabled["is_enabled"]] == [False, True]

    def test_are_deleted(self, api: FakeWebhooks, shell: Shell, hook: str) -> None:
        asked = shell.run("webhooks", "delete", hook)

        assert (asked.exit_code, "with its deliveries for good." in asked.stderr) == (2, True)
        assert shell.json("webhooks", "delete", hook, "--yes") == {"deleted": hook}
        assert api.hooks == {}

    def test_show_what_became_of_their_deliveries(self, shell: Shell, hook: str) -> None:
        result = shell.run("webhooks", "deliveries", hook, "--status", "failed")

        assert re.search(r"crawl_job\.failed +failed +8 +HTTP 500", result.stdout)
        assert shell.json("webhooks", "deliveries", hook, "--status", "pending") == {"items": []}

    def test_send_again(self, api: FakeWebhooks, shell: Shell, hook: str) -> None:
        document = shell.json("webhooks", "replay", hook, api.deliveries[hook]["id"])

        assert (document["status"], document["n_attempts"]) == ("pending", 0)
