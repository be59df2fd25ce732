"""How gently each host is asked: gaps, delays, pauses and back-off."""

import itertools
import socket
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from crawlset.outcomes import Outcome
from crawlset.wire.chunks import ChunkUrl, FetchPolicy
from tests.integration.fetching.chunk_fetch import QUICK, ROUNDING, Fetch, only
from tests.integration.web_server import Web, response
from tests.unit.imaging import pictures

ONE_BY_ONE = replace(QUICK, n_per_host=1)
GAP = 1.5
TOLERANCE = 0.75
"""Seconds by which a busy machine may see a request too late, and the next one too early."""


def put_up(web: Web, n: int) -> list[str]:
    """`n` pictures; their URLs."""
    return [web.add(f"/{at}.jpg", pictures.jpeg()) for at in range(n)]


def gaps(web: Web) -> list[float]:
    """Seconds between the requests that came in, one after the other."""
    return [after.at - before.at for before, after in itertools.pairwise(web.log)]


def answering(*answers: bytes) -> Callable[[socket.socket], None]:
    """A page that gives one answer after the other, and the last one for ever."""
    left = itertools.chain(answers, itertools.repeat(answers[-1]))
    return lambda connection: connection.sendall(next(left))


class TestGap:
    def test_is_kept_between_the_starts_of_two_requests(self, web: Web, fetch: Fetch) -> None:
        result = fetch(*put_up(web, 3), policy=FetchPolicy(min_gap_seconds=GAP))

        assert result.counts == {"stored": 3}
        assert min(gaps(web)) >= GAP - TOLERANCE

    def test_holds_for_all_spellings_of_a_host_whose_policies_are_read_once(
        self, web: Web, fetch: Fetch
    ) -> None:
        put_up(web, 3)
        urls = [
            web.url(f"/{n}.jpg", host).replace(".localhost", name)
            for n, (host, name) in enumerate(
                [("web", ".localhost"), ("WEB", ".Localhost"), ("web", ".localhost.")]
            )
        ]

        result = fetch(*urls, policy=FetchPolicy(min_gap_seconds=GAP))

        assert result.counts == {"stored": 3}
        assert web.requests["/robots.txt"] == web.requests["/.well-known/tdmrep.json"] == 1
        assert min(gaps(web)) >= GAP - TOLERANCE

    def test_leaves_other_hosts_alone(self, web: Web, fetch: Fetch) -> None:
        web.add("web/robots.txt", b"User-agent: *\nCrawl-delay: 0.4\n")
        put_up(web, 10)

        result = fetch(*(web.url(f"/{n}.jpg", "other") for n in range(9)), web.url("/9.jpg"))

        assert result.counts == {"stored": 10}
        assert result.seconds < 10 * 0.4

    @pytest.mark.parametrize(("delay", "gap"), [(GAP, 0.0), (GAP, 0.1), (0.1, GAP)])
    def test_is_the_longer_of_ours_and_the_crawl_delay(
        self, web: Web, fetch: Fetch, delay: float, gap: float
    ) -> None:
        web.add("/robots.txt", f"User-agent: crawlset\nCrawl-delay: {delay}\n".encode())

        result = fetch(*put_up(web, 2), policy=FetchPolicy(min_gap_seconds=gap))

        assert result.counts == {"stored": 2}
        assert web.log[0].path == "/robots.txt"
        assert min(gaps(web)) >= GAP - TOLERANCE

    def test_of_somebody_elses_group_is_none_of_ours(self, web: Web, fetch: Fetch) -> None:
        web.add("/robots.txt", b"User-agent: otherbot\nCrawl-delay: 60\n")

        result = fetch(*put_up(web, 9))

        assert result.counts == {"stored": 9}

    def test_defers_what_cannot_have_its_turn_in_time(self, web: Web, fetch: Fetch) -> None:
        web.add("/robots.txt", b"User-agent: *\nCrawl-delay: 0.8\n")
        limits = replace(QUICK, turn_seconds=2.8)

        result = fetch(*put_up(web, 20), limits=limits)

        stored = [o for o in result.outcomes if o.outcome == Outcome.stored]
        deferred = [o for o in result.outcomes if o.defer]
        assert 2 <= len(stored) <= 4
        assert len(stored) + len(deferred) == 20
        assert result.seconds < 20 * 0.8 / 2
        for outcome in deferred:
            assert outcome.defer is not None
            assert outcome.defer.cause == "crawl_delay"
            assert 0 <= outcome.defer.seconds <= 0.8
            assert (outcome.outcome, outcome.n_retries) == (Outcome.timeout, 0)
            assert web.requests[f"/{outcome.n}.jpg"] == 0

    def test_defers_at_once_what_the_chunk_has_no_time_for(self, web: Web, fetch: Fetch) -> None:
        web.add("/robots.txt", b"User-agent: *\nCrawl-delay: 5\n")
        spare = QUICK.reserve_seconds + QUICK.first_byte_seconds
        policy = FetchPolicy(tdmrep=False)

        result = fetch(*put_up(web, 5), seconds_left=lambda: spare + 1, policy=policy)

        assert [o.defer is not None for o in result.outcomes] == [True] * 5
        assert web.requests == {"/robots.txt": 1}
        assert result.seconds < 5

    @pytest.mark.parametrize(("delay", "seconds"), [("60", 60), ("1000000000", 300)])
    def test_too_long_to_wait_out_lets_one_picture_through(
        self, web: Web, fetch: Fetch, delay: str, seconds: float
    ) -> None:
        web.add("/robots.txt", f"User-agent: *\nCrawl-delay: {delay}\n".encode())

        result = fetch(*put_up(web, 9))

        assert result.counts == {"stored": 1, "timeout": 8}
        last = result.outcomes[-1]
        assert last.defer is not None
        assert 0 <= seconds - last.defer.seconds <= result.seconds + ROUNDING
        assert result.seconds < seconds


class TestPause:
    def test_lasts_as_long_as_retry_after_says(self, web: Web, fetch: Fetch) -> None:
        busy = response(b"", 429, Retry_After="1", Connection="close")
        fine = response(pictures.jpeg(), Connection="close")
        web.pages["/a.jpg"] = answering(busy, fine)

        stored = only(fetch(web.url("/a.jpg")))

        assert stored.outcome == Outcome.stored
        assert stored.n_retries == 1
        assert 0.9 < gaps(web)[-1] < 6

    @pytest.mark.parametrize(
        ("status", "outcome"), [(429, Outcome.http_429), (503, Outcome.http_5xx)]
    )
    def test_too_long_for_the_chunk_defers_the_rest_of_the_host(
        self, web: Web, fetch: Fetch, status: int, outcome: Outcome
    ) -> None:
        are_under_way = threading.Barrier(QUICK.n_per_host)
        busy = response(b"", status, Retry_After="3600", Connection="close")

        def page(connection: socket.socket) -> None:
            are_under_way.wait(60)
            connection.sendall(busy)

        for at in range(20):
            web.pages[f"web/{at}.jpg"] = page
        urls = [web.url(f"/{at}.jpg") for at in range(20)]
        elsewhere = web.url("/a.jpg", "other")
        web.add("/a.jpg", pictures.jpeg())

        result = fetch(*urls, elsewhere)

        *paused, stored = result.outcomes
        assert stored.outcome == Outcome.stored
        assert {o.outcome for o in paused} == {outcome}
        asked = [o for o in paused if web.requests[f"/{o.n}.jpg"]]
        assert len(asked) == QUICK.n_per_host
        for each in paused:
            assert each.defer is not None
            assert each.defer.cause == "retry_after"
            assert 0 <= 3600 - each.defer.seconds <= result.seconds + ROUNDING
            assert web.requests[f"/{each.n}.jpg"] == each.n_retries
            assert each.evidence.get("retry_after") == ("3600" if each in asked else None)
        assert result.seconds < QUICK.retry_after_seconds

    def test_is_a_day_at_most(self, web: Web, fetch: Fetch) -> None:
        deferred = only(fetch(web.add("/a.jpg", b"", 429, Retry_After="9" * 400)))

        assert deferred.defer is not None
        assert 86_000 < deferred.defer.seconds <= 86_400

    def test_does_not_defer_what_was_tried_often_enough(self, web: Web, fetch: Fetch) -> None:
        url = web.add("/a.jpg", b"", 429, Retry_After="3600")

        settled = only(fetch(ChunkUrl(0, url, retries=2)))

        assert (settled.outcome, settled.defer) == (Outcome.http_429, None)
        assert web.requests["/a.jpg"] == 1

    def test_asked_for_in_place_of_robots_txt_defers_the_origin(
        self, web: Web, fetch: Fetch
    ) -> None:
        web.add("/robots.txt", status=503, Retry_After="3600")

        result = fetch(*put_up(web, 5))

        assert result.counts == {"http_5xx": 5}
        assert all(o.defer and o.n_retries == 0 for o in result.outcomes)
        assert web.requests == {"/robots.txt": 1}

    def test_longer_than_the_time_left_defers(self, web: Web, fetch: Fetch) -> None:
        url = web.add("/a.jpg", b"", 429, Retry_After="5")

        result = fetch(url, seconds_left=lambda: QUICK.reserve_seconds + 2)

        deferred = only(result)
        assert deferred.defer is not None
        assert 0 <= 5 - deferred.defer.seconds <= result.seconds + ROUNDING


class TestBackoff:
    @pytest.mark.parametrize("status", [429, 503])
    def test_holds_for_the_whole_host(self, web: Web, fetch: Fetch, status: int) -> None:
        busy = response(b"", status)
        web.pages["/0.jpg"] = answering(busy, response(pictures.jpeg()))
        urls = [web.url("/0.jpg"), web.add("/1.jpg", pictures.jpeg())]
        limits = replace(ONE_BY_ONE, backoff_seconds=2)

        result = fetch(*urls, limits=limits, policy=FetchPolicy(robots=False, tdmrep=False))

        assert result.counts == {"stored": 2}
        assert len(web.log) == 3
        assert 0.75 * 2 <= gaps(web)[0] < 2.5 * 2

    def test_is_of_one_url_when_another_error_came(self, web: Web, fetch: Fetch) -> None:
        web.pages["/0.jpg"] = answering(response(b"", 500), response(pictures.jpeg()))
        urls = [web.url("/0.jpg"), web.add("/1.jpg", pictures.jpeg())]
        limits = replace(ONE_BY_ONE, backoff_seconds=4)

        result = fetch(*urls, limits=limits, policy=FetchPolicy(robots=False, tdmrep=False))

        assert [o.n_retries for o in result.outcomes] == [1, 0]
        assert [asked.path for asked in web.log] == ["/0.jpg", "/1.jpg", "/0.jpg"]
        assert web.log[1].at - web.log[0].at < 0.6 * 4
        assert web.log[2].at - web.log[0].at >= 0.75 * 4

    def test_doubles_until_the_host_is_left_alone(self, web: Web, fetch: Fetch) -> None:
        urls = [web.add(f"/{at}.jpg", b"", 429) for at in range(20)]
        limits = replace(ONE_BY_ONE, backoff_seconds=0.05, retry_after_seconds=0.3)

        result = fetch(*urls, limits=limits, policy=FetchPolicy(robots=False, tdmrep=False))

        assert result.counts == {"http_429": 20}
        assert sum(o.defer is not None for o in result.outcomes) >= 18
        assert 3 <= len(web.log) <= 5
        assert result.seconds < 10
