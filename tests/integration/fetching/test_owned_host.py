"""A host that is owned gets its requests at once, and any other what all get."""

import socket
import threading
from collections.abc import Callable
from dataclasses import replace

from crawlset.wire.chunks import OwnedHost
from tests.integration.fetching.chunk_fetch import QUICK, Fetch
from tests.integration.web_server import Web, response
from tests.unit.imaging import pictures

N_AT_ONCE = 12
TWO_EACH = replace(QUICK, n_per_host=2)
OWNED = OwnedHost("web.localhost", N_AT_ONCE)
PATIENCE_SECONDS = 10.0


class Crush:
    """Pages of which the first `n` are answered once all of them are asked for at the same time."""

    def __init__(self, n: int) -> None:
        self._barrier = threading.Barrier(n)
        self._lock = threading.Lock()
        self._n_now = self._n_asked = 0
        self.peak = 0

    def page(self, answer: bytes) -> Callable[[socket.socket], None]:
        def page(connection: socket.socket) -> None:
            with self._lock:
                self._n_now += 1
                self._n_asked += 1
                self.peak = max(self.peak, self._n_now)
                is_of_the_first = self._n_asked <= self._barrier.parties
            if is_of_the_first:
                self._barrier.wait(PATIENCE_SECONDS)
            with self._lock:
                self._n_now -= 1
            connection.sendall(answer)

        return page


def put_up(web: Web, crush: Crush, n: int, host: str) -> list[str]:
    for at in range(n):
        web.pages[f"{host}/{at}.jpg"] = crush.page(response(pictures.jpeg(), Connection="close"))
    return [web.url(f"/{at}.jpg", host) for at in range(n)]


class TestOwnedHost:
    def test_is_asked_for_as_many_at_once_as_it_may_be(self, web: Web, fetch: Fetch) -> None:
        crush = Crush(N_AT_ONCE)

        result = fetch(*put_up(web, crush, 3 * N_AT_ONCE, "web"), limits=TWO_EACH, owned_host=OWNED)

        assert result.counts == {"stored": 3 * N_AT_ONCE}
        assert crush.peak == N_AT_ONCE

    def test_may_have_more_at_once_than_all_hosts_together_otherwise(
        self, web: Web, fetch: Fetch
    ) -> None:
        crush = Crush(N_AT_ONCE)
        limits = replace(TWO_EACH, n_transfers=4)

        result = fetch(*put_up(web, crush, N_AT_ONCE, "web"), limits=limits, owned_host=OWNED)

        assert result.counts == {"stored": N_AT_ONCE}

    def test_leaves_other_hosts_their_number(self, web: Web, fetch: Fetch) -> None:
        crush = Crush(2)

        result = fetch(*put_up(web, crush, 8, "other"), limits=TWO_EACH, owned_host=OWNED)

        assert result.counts == {"stored": 8}
        assert crush.peak == 2

    def test_gives_a_host_that_it_redirects_to_what_all_get(self, web: Web, fetch: Fetch) -> None:
        crush = Crush(2)
        for at, url in enumerate(put_up(web, crush, 8, "other")):
            web.pages[f"web/{at}.jpg"] = response(b"", 302, Location=url)

        result = fetch(
            *(web.url(f"/{at}.jpg") for at in range(8)), limits=TWO_EACH, owned_host=OWNED
        )

        assert result.counts == {"stored": 8}
        assert crush.peak == 2

    def test_pauses_when_it_wants_to_be_left_alone(self, web: Web, fetch: Fetch) -> None:
        urls = [
            web.add(f"/{at}.jpg", status=429, Retry_After="3600") for at in range(3 * N_AT_ONCE)
        ]

        result = fetch(*urls, limits=TWO_EACH, owned_host=OWNED)

        assert all(outcome.defer is not None for outcome in result.outcomes)
        asked = sum(n for path, n in web.requests.items() if path.endswith(".jpg"))
        assert asked <= N_AT_ONCE

    def test_is_refused_where_its_robots_say_so(self, web: Web, fetch: Fetch) -> None:
        web.add("/robots.txt", b"User-agent: *\nDisallow: /\n")

        result = fetch(web.add("/a.jpg", pictures.jpeg()), limits=TWO_EACH, owned_host=OWNED)

        assert result.counts == {"refused_robots": 1}
