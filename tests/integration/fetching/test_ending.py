"""How a chunk comes to an end."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from crawlset.fetching.limits import Limits
from crawlset.outcomes import Outcome
from crawlset_local.sample_site.server import SampleSite
from crawlset_local.sample_site.server import serve as serve_samples
from tests.integration.fetching.chunk_fetch import Fetch, WatchedPool, trickle
from tests.integration.web_server import Web
from tests.unit.imaging import pictures


@pytest.fixture(scope="module")
def samples() -> Iterator[SampleSite]:
    with serve_samples(0) as site:
        yield site


class TestEnding:
    def test_marks_what_is_left_when_time_runs_out(self, web: Web, fetch: Fetch) -> None:
        web.pages["/slow.jpg"] = trickle(b"HTTP/1.1 200 OK\r\n\r\n", bytes(9000), 0.05)
        urls = web.add("/a.jpg", pictures.jpeg()), web.url("/slow.jpg")
        reserve = Limits().reserve_seconds

        with closing(WatchedPool(1)) as pool:
            result = fetch(
                *urls,
                limits=Limits(total_seconds=100),
                pool=pool,
                seconds_left=lambda: reserve + (-1 if pool.has_answered.is_set() else 100),
            )

        left = result.outcomes[1]
        assert result.outcomes[0].outcome == Outcome.stored
        assert (left.outcome, left.detail) == (Outcome.timeout, "chunk ran out of time")
        assert left.outcome.is_retryable
        assert result.seconds < reserve

    def test_starts_nothing_when_there_is_no_time(self, web: Web, fetch: Fetch) -> None:
        result = fetch(web.add("/a.jpg", pictures.jpeg()), seconds_left=lambda: 5.0)

        assert result.counts == {"timeout": 1}
        assert web.requests == {}

    def test_stops_soon_after_the_job_is_cancelled(
        self, web: Web, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("crawlset.fetching.chunk.CANCEL_POLL_SECONDS", 0.05)
        web.pages["/slow.jpg"] = trickle(b"HTTP/1.1 200 OK\r\n\r\n", bytes(9000), 0.05)
        urls = web.add("/a.jpg", pictures.jpeg()), web.url("/slow.jpg")

        with closing(WatchedPool(1)) as pool:
            result = fetch(*urls, pool=pool, is_cancelled=pool.has_answered.is_set)

        assert [o.outcome for o in result.outcomes] == [Outcome.stored, Outcome.cancelled]

    def test_settles_every_number_once_in_the_order_of_the_input(
        self, web: Web, fetch: Fetch
    ) -> None:
        urls = [web.add(f"/{n}.jpg", pictures.jpeg()) for n in range(50)]

        result = fetch(*urls, *urls)

        assert [o.n for o in result.outcomes] == list(range(100))

    def test_answers_for_an_empty_chunk(self, fetch: Fetch) -> None:
        assert fetch().outcomes == []


class TestSampleSite:
    def test_ends_every_picture_as_the_catalogue_says_with_as_few_requests(
        self, samples: SampleSite, fetch: Fetch
    ) -> None:
        works = read_json(f"{samples.url}/catalogue")["works"]

        result = fetch(
            *(work["url"] for work in works),
            private_hosts=frozenset(samples.hosts),
            limits=Limits(slow_seconds=2, backoff_seconds=0.1),
        )

        surprises = [
            (work["url"], outcome.outcome, outcome.detail)
            for work, outcome in zip(works, result.outcomes, strict=True)
            if outcome.outcome not in work["outcomes"]
        ]
        assert surprises == []
        asked = read_json(f"{samples.url}/_requests")["by_path"]
        for work, outcome in zip(works, result.outcomes, strict=True):
            match outcome.outcome:
                case Outcome.refused_robots:
                    assert asked.get(work["url"], 0) == 0
                case Outcome.http_404 | Outcome.http_410 | Outcome.http_403 | Outcome.refused_noai:
                    assert asked[work["url"]] == 1
        robots = {url: n for url, n in asked.items() if url.endswith("/robots.txt")}
        assert set(robots.values()) == {1}


def read_json(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)
