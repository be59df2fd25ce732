"""What is left of a source's allowance, from its answer to `discover` to the API's."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from crawlset import settings
from crawlset.kit import objects
from crawlset.kit.batch import Delivery
from crawlset.sources import allowances, worker
from crawlset.wire.allowances import Allowance
from crawlset.wire.searches import DiscoverMessage, IntendedUse, SearchRequest
from tests.integration.api import Api
from tests.unit.sources import source_answers
from tests.unit.sources.test_adapters import openverse_headers

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.fixture(autouse=True)
def may_be_asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SOURCES", "openverse,gbif")
    monkeypatch.setattr("time.sleep", lambda _: None)
    settings.source_settings.cache_clear()
    yield
    settings.source_settings.cache_clear()


def ask(monkeypatch: pytest.MonkeyPatch, source: str, headers: dict[str, str]) -> None:
    """Have `discover` search a source that answers with these headers."""
    fake = getattr(source_answers, source)(5)

    def respond(request: httpx.Request) -> httpx.Response:
        answer = fake.respond(request)
        answer.headers.update(headers)
        return answer

    client = httpx.Client(transport=httpx.MockTransport(respond))
    monkeypatch.setattr(worker, "source_client", lambda: client)
    request = SearchRequest(
        source=source, keyword="cat", limit=9, intended_use=IntendedUse.research
    )
    message = DiscoverMessage(uuid4(), uuid4(), 1, request)
    worker.handle(Delivery("id", json.dumps(message.to_json()), 1, "handle"))


def shown(api: Api, source: str) -> Any:
    status, body = api.call("GET", "/api/sources")
    assert status == 200
    [found] = [each for each in body["items"] if each["name"] == source]
    return found["allowance"]


def test_is_shown_as_the_source_told_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(api, "openverse") is None

    ask(monkeypatch, "openverse", openverse_headers("19", "137"))

    allowance = shown(api, "openverse")
    assert datetime.fromisoformat(allowance.pop("seen_at")) <= datetime.now(UTC)
    assert allowance == {"n_left": 137, "limit": 200, "period_seconds": 86_400}


def test_is_of_the_last_answer(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(monkeypatch, "openverse", openverse_headers("19", "137"))
    ask(monkeypatch, "openverse", openverse_headers("18", "136"))

    assert shown(api, "openverse")["n_left"] == 136


def test_is_not_written_where_the_source_says_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(monkeypatch, "gbif", {})

    assert list(objects.list_keys("sources/")) == []
    assert shown(api, "gbif") is None


def test_is_forgotten_when_all_has_come_back(api: Api) -> None:
    allowances.save("openverse", Allowance(3, 200, 86_400, datetime.now(UTC) - timedelta(hours=25)))

    assert shown(api, "openverse") is None


def test_is_not_read_as_another_release_wrote_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        later.setattr(Allowance, "VERSION", 2)
        allowances.save("openverse", Allowance(3, 200, 86_400, datetime.now(UTC)))

    assert shown(api, "openverse") is None
