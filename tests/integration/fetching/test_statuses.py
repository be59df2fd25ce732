"""Answers other than a picture, and servers that misbehave."""

import socket
import threading
import time
from itertools import count

import pytest

from crawlset.fetching.limits import Limits
from crawlset.kit.event_loop import Loop
from crawlset.outcomes import Outcome
from crawlset.wire.chunks import ChunkUrl
from tests.integration.fetching.chunk_fetch import IMPATIENT, Fetch, only, trickle
from tests.integration.web_server import Web, response
from tests.unit.imaging import pictures

PICTURE = pictures.jpeg()


class TestStatuses:
    @pytest.mark.parametrize(
        ("status", "outcome", "n_requests"),
        [
            (403, Outcome.http_403, 1),
            (404, Outcome.http_404, 1),
            (410, Outcome.http_410, 1),
            (401, Outcome.http_4xx, 1),
            (204, Outcome.not_image, 1),
            (500, Outcome.http_5xx, 3),
            (503, Outcome.http_5xx, 3),
            (429, Outcome.http_429, 3),
        ],
    )
    def test_are_asked_for_as_often_as_it_makes_sense(
        self, web: Web, fetch: Fetch, status: int, outcome: Outcome, n_requests: int
    ) -> None:
        failed = only(fetch(web.add("/a.jpg", b"", status)))

        assert (failed.outcome, failed.http_status) == (outcome, status)
        assert web.requests["/a.jpg"] == n_requests
        assert failed.n_retries == n_requests - 1

    def test_are_tried_again_only_as_often_as_earlier_chunks_left(
        self, web: Web, fetch: Fetch
    ) -> None:
        once, never = web.add("/a.jpg", b"", 500), web.add("/b.jpg", b"", 500)

        result = fetch(ChunkUrl(0, once, retries=1), ChunkUrl(1, never, retries=2))

        assert [o.n_retries for o in result.outcomes] == [2, 2]
        assert (web.requests["/a.jpg"], web.requests["/b.jpg"]) == (2, 1)

    def test_are_counted_over_all_hops(self, web: Web, fetch: Fetch) -> None:
        asked = iter([response(b"", 500), response(b"", 302, Location="/b.jpg")])
        web.pages["/a.jpg"] = lambda connection: connection.sendall(next(asked))
        web.add("/b.jpg", b"", 500)

        failed = only(fetch(web.url("/a.jpg")))

        assert (failed.outcome, failed.n_retries) == (Outcome.http_5xx, 2)
        assert (web.requests["/a.jpg"], web.requests["/b.jpg"]) == (2, 2)

    def test_follow_five_redirects_and_no_sixth(self, web: Web, fetch: Fetch) -> None:
        for n in range(6):
            web.add(f"/{n}.jpg", status=302, Location=f"/{n + 1}.jpg")
        web.add("/6.jpg", pictures.jpeg())

        result = fetch(web.url("/1.jpg"), web.url("/0.jpg"))

        assert [o.outcome for o in result.outcomes] == [
            Outcome.stored,
            Outcome.too_many_redirects,
        ]
        assert result.outcomes[0].final_url == web.url("/6.jpg")

    def test_leave_a_redirect_loop_at_once(self, web: Web, fetch: Fetch) -> None:
        web.add("/a.jpg", status=302, Location="/b.jpg")
        web.add("/b.jpg", status=302, Location="/a.jpg")

        assert only(fetch(web.url("/a.jpg"))).detail == "redirect loop"
        assert (web.requests["/a.jpg"], web.requests["/b.jpg"]) == (1, 1)


class TestLimits:
    @pytest.mark.parametrize("declares_length", [True, False])
    def test_cut_a_body_over_the_cap(self, web: Web, fetch: Fetch, declares_length: bool) -> None:
        length = b"Content-Length: 99999999\r\n" if declares_length else b""
        head = b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + pictures.jpeg()
        web.pages["/a.jpg"] = trickle(head, bytes(100_000), 0)

        assert only(fetch(web.url("/a.jpg"))).outcome == Outcome.too_large

    def test_leave_a_drip(self, web: Web, fetch: Fetch) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + pictures.jpeg()[:100]
        web.pages["/a.jpg"] = trickle(head, b"\0", 0.05)

        result = fetch(web.url("/a.jpg"), web.add("/b.jpg", pictures.jpeg()), limits=IMPATIENT)

        assert [o.outcome for o in result.outcomes] == [Outcome.too_slow, Outcome.stored]
        assert result.seconds < IMPATIENT.total_seconds / 2

    def test_leave_two_drips_among_fifty_soon(self, web: Web, fetch: Fetch) -> None:
        body = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + pictures.jpeg()[:100]
        web.pages["/0.jpg"] = trickle(body, b"\0", 0.5)
        web.pages["/1.jpg"] = trickle(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x", 0.5)
        urls = [web.url("/0.jpg"), web.url("/1.jpg")]
        urls += [web.add(f"/{n}.jpg", pictures.jpeg()) for n in range(2, 50)]

        result = fetch(*urls, limits=Limits())

        assert result.counts == {"stored": 48, "too_slow": 1, "timeout": 1}
        assert result.seconds < Limits().total_seconds

    @pytest.mark.parametrize("n_first", [0, 400])
    def test_do_not_hold_our_own_slowness_against_a_server(
        self, web: Web, fetch: Fetch, monkeypatch: pytest.MonkeyPatch, n_first: int
    ) -> None:
        answer = response(pictures.jpeg())
        is_under_way, was_measured, was_busy = (threading.Event() for _ in range(3))
        readings = count()

        def now(_: Loop) -> float:
            n = next(readings) if is_under_way.is_set() else 0
            if n > 5:
                was_measured.set()
            if n > 10:
                was_busy.set()
            return time.monotonic() + (60 if was_measured.is_set() else 0)

        def page(connection: socket.socket) -> None:
            connection.sendall(answer[:n_first])
            is_under_way.set()
            was_busy.wait(60)
            connection.sendall(answer[n_first:])

        monkeypatch.setattr(Loop, "now", now)
        web.pages["/a.jpg"] = page
        limits = Limits(first_byte_seconds=8, slow_seconds=8)

        assert only(fetch(web.url("/a.jpg"), limits=limits)).outcome == Outcome.stored
        assert was_busy.is_set()

    def test_leave_a_body_that_is_fast_enough_but_takes_too_long(
        self, web: Web, fetch: Fetch
    ) -> None:
        web.pages["/a.jpg"] = trickle(b"HTTP/1.1 200 OK\r\n\r\n", bytes(9000), 0.01)

        result = fetch(web.url("/a.jpg"), limits=Limits(total_seconds=0.8, slow_seconds=0.4))

        assert only(result).outcome == Outcome.timeout
        assert result.seconds < Limits().total_seconds

    @pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: "])
    def test_leave_a_server_that_does_not_answer(
        self, web: Web, fetch: Fetch, first: bytes
    ) -> None:
        web.pages["/a.jpg"] = trickle(first, b"x" if first else b"", 0.05)

        failed = only(fetch(web.url("/a.jpg"), limits=IMPATIENT))

        assert (failed.outcome, failed.detail) == (Outcome.timeout, "no answer")
        assert web.requests["/a.jpg"] == 1

    def test_leave_endless_headers(self, web: Web, fetch: Fetch) -> None:
        web.pages["/a.jpg"] = trickle(b"HTTP/1.1 200 OK\r\n", b"X-More: x\r\n" * 10, 0)

        failed = only(fetch(web.url("/a.jpg")))

        assert (failed.outcome, failed.detail) == (Outcome.too_large, "too many response headers")

    def test_try_a_dropped_connection_again(self, web: Web, fetch: Fetch) -> None:
        for path in ("/robots.txt", "/.well-known/tdmrep.json"):
            web.add(path, status=404, Connection="close")
        web.pages["/a.jpg"] = lambda connection: connection.close()

        failed = only(fetch(web.url("/a.jpg")))

        assert failed.outcome == Outcome.connect_error
        assert web.requests["/a.jpg"] == 3

    @pytest.mark.parametrize(
        "head",
        [
            b"Content-Length: %d\r\n\r\n" % (len(PICTURE) + 500),
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(PICTURE),
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (len(PICTURE) + 500),
            b"Content-Encoding: none\r\nContent-Length: %d\r\n\r\n" % (len(PICTURE) + 1),
        ],
    )
    def test_tell_a_transfer_that_was_cut(self, web: Web, fetch: Fetch, head: bytes) -> None:
        answer = b"HTTP/1.1 200 OK\r\n" + head + PICTURE
        web.pages["/a.jpg"] = lambda connection: connection.sendall(answer)

        failed = only(fetch(web.url("/a.jpg")))

        assert failed.outcome == Outcome.connect_error
        assert failed.detail == "connection closed in the middle of the body"

    def test_tell_a_picture_that_was_cut_where_no_length_is_said(
        self, web: Web, fetch: Fetch
    ) -> None:
        answer = b"HTTP/1.1 200 OK\r\n\r\n" + PICTURE[:-500]
        web.pages["/a.jpg"] = lambda connection: connection.sendall(answer)

        assert only(fetch(web.url("/a.jpg"))).outcome == Outcome.truncated

    def test_a_closed_port_is_a_connect_error(self, web: Web, fetch: Fetch) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            host = f"closed.localhost:{taken.getsockname()[1]}"

            failed = only(fetch(f"http://{host}/a.jpg", private_hosts=frozenset({host})))

        assert failed.outcome == Outcome.connect_error
