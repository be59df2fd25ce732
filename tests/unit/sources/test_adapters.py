"""What holds for the adapter of every source: how its API may fail."""

import time

import httpx
import pytest
from pydantic import BaseModel

from crawlset.errors import SourceError, SourceRefusedError, SourceThrottledError
from crawlset.settings import SourceSettings
from crawlset.sources import asking, catalogue
from crawlset.sources.protocol import SourceUnavailableError
from tests.unit.sources.fake_source import search

ADAPTERS = sorted(
    name
    for name, source in catalogue.SOURCES.items()
    if source.load is not None and not source.is_list and name != "sample"
)


@pytest.mark.parametrize("name", ADAPTERS)
class TestEveryAdapter:
    @pytest.mark.parametrize("status", [400, 401, 403, 404])
    def test_is_refused(self, name: str, status: int) -> None:
        with pytest.raises(SourceRefusedError, match=name):
            search(name, lambda _: httpx.Response(status, json={"detail": "no"}))

    def test_waits_as_long_as_it_is_told(self, name: str) -> None:
        with pytest.raises(SourceThrottledError) as caught:
            search(name, lambda _: httpx.Response(429, headers={"Retry-After": "120"}))

        assert caught.value.retry_after_seconds == 120

    def test_comes_again_when_the_source_is_down(self, name: str) -> None:
        with pytest.raises(SourceUnavailableError):
            search(name, lambda _: httpx.Response(502))

    @pytest.mark.parametrize(
        "body", [b"", b"<html>busy</html>", b"{", b"[]", b"null", b'{"photos": 7, "results": 7}']
    )
    def test_takes_no_answer_of_another_shape(self, name: str, body: bytes) -> None:
        try:
            pages = search(name, lambda _: httpx.Response(200, content=body))
        except SourceError:
            return
        assert pages == []

    def test_sends_its_key_in_no_address_that_is_logged(self, name: str) -> None:
        """Only where the source takes it nowhere else."""
        asked: list[httpx.Request] = []

        def respond(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return httpx.Response(500)

        with pytest.raises(SourceUnavailableError) as caught:
            search(name, respond)

        assert "-key" not in str(caught.value)
        if name in {"europeana", "brave"}:
            assert "-key" not in str(asked[0].url)

    def test_asks_where_it_is_told(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        hosts: list[str] = []

        def respond(request: httpx.Request) -> httpx.Response:
            hosts.append(request.url.host)
            return httpx.Response(500)

        monkeypatch.setattr(
            "tests.unit.sources.fake_source.SETTINGS",
            SourceSettings(source_urls={name: "http://127.0.0.1:1"}),
        )
        with pytest.raises(SourceUnavailableError):
            search(name, respond)

        assert hosts == ["127.0.0.1"]


class Anything(BaseModel):
    """An answer of any shape."""


class TestAsker:
    def ask(self, *answers: httpx.Response) -> asking.Asker:
        left = iter(answers)
        client = httpx.Client(transport=httpx.MockTransport(lambda _: next(left)))
        return asking.Asker("s", client, gap_seconds=2.0)

    def test_leaves_a_gap_before_each_question(self, monkeypatch: pytest.MonkeyPatch) -> None:
        slept: list[float] = []
        monkeypatch.setattr(time, "sleep", slept.append)
        monkeypatch.setattr(time, "monotonic", lambda: 100.0)
        asker = self.ask(*[httpx.Response(200, json={})] * 2)

        for _ in range(2):
            asker.get("http://s.test/", {}, Anything)

        assert slept == [2.0, 2.0]

    def test_asks_no_more_once_the_source_says_it_is_enough(self) -> None:
        spent = {"X-RateLimit-Remaining": "0, 14000", "X-RateLimit-Reset": "3, 1000000"}
        asker = self.ask(httpx.Response(200, json={}, headers=spent))
        asker.get("http://s.test/", {}, Anything)

        with pytest.raises(SourceThrottledError) as caught:
            asker.get("http://s.test/", {}, Anything)

        assert caught.value.retry_after_seconds == 3

    @pytest.mark.parametrize(
        ("burst", "day", "seconds"), [("0", "137", 60), ("7", "0", 3_600), ("0", "0", 3_600)]
    )
    def test_heeds_what_is_left_of_each_limit(self, burst: str, day: str, seconds: float) -> None:
        """As Openverse has it: api/api/utils/throttle.py of WordPress/openverse."""
        asker = self.ask(httpx.Response(200, json={}, headers=openverse_headers(burst, day)))
        asker.get("http://s.test/", {}, Anything)

        with pytest.raises(SourceThrottledError) as caught:
            asker.get("http://s.test/", {}, Anything)

        assert caught.value.retry_after_seconds == seconds

    def test_tells_what_is_left_of_the_longest_period(self) -> None:
        asker = self.ask(httpx.Response(200, json={}, headers=openverse_headers("7", "137")))
        asker.get("http://s.test/", {}, Anything)

        assert asker.allowance is not None
        left = asker.allowance.n_left, asker.allowance.limit, asker.allowance.period_seconds
        assert left == (137, 200, 86_400)

    @pytest.mark.parametrize("left", ["", "-1", "some", "9" * 5_000, "\u0663"])
    def test_knows_nothing_of_what_it_cannot_read(self, left: str) -> None:
        headers = httpx.Headers(
            {"X-RateLimit-Available-x": left, "X-RateLimit-Limit-x": "20/min"}, encoding="utf-8"
        )
        asker = self.ask(*[httpx.Response(200, json={}, headers=headers)] * 2)

        for _ in range(2):
            asker.get("http://s.test/", {}, Anything)

        assert asker.allowance is None


def openverse_headers(burst: str, day: str) -> dict[str, str]:
    return {
        "X-RateLimit-Limit-anon_burst": "20/min",
        "X-RateLimit-Available-anon_burst": burst,
        "X-RateLimit-Limit-anon_sustained": "200/day",
        "X-RateLimit-Available-anon_sustained": day,
    }
