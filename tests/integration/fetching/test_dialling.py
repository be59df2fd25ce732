"""Whom the fetch engine dials, whatever URLs, servers and the environment would have it do."""

import errno
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crawlset.fetching import transfer
from crawlset.outcomes import Outcome
from tests.integration.fetching.chunk_fetch import QUICK, Fetch, only
from tests.integration.web_server import Web, serve
from tests.sockets import CheckedSockets
from tests.unit.fetching.hostile_urls import PUBLIC, VECTORS
from tests.unit.imaging import pictures

HOSTILE = {id_: url for id_, _, url, _ in VECTORS["reject"]}
PASSING = {"E06", "F13", "G11"}
"""Lead, as a Location, to a public address at first, or to no Location at all."""
REFUSED = {Outcome.blocked_address, Outcome.invalid_url}


@pytest.fixture
def trap() -> Iterator[Web]:
    """A server inside, which the crawler has no leave to ask."""
    with serve() as trap:
        yield trap
        assert trap.requests == {}


@pytest.fixture
def accepted(web: Web, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The peers whose connections `web` took."""
    peers: list[Any] = []

    def take(_: socket.socket, peer: Any) -> bool:
        peers.append(peer)
        return True

    monkeypatch.setattr(web, "verify_request", take)
    return peers


class TestHostileUrls:
    def test_are_refused_before_anything_is_dialled(
        self, fetch: Fetch, sockets: CheckedSockets
    ) -> None:
        hostile = {id_: url for id_, url in HOSTILE.items() if id_ != "E06"}

        result = fetch(*hostile.values(), resolve=first_answers, private_hosts=frozenset())

        ends = zip(hostile, result.outcomes, strict=True)
        assert [(id_, end.outcome) for id_, end in ends if end.outcome not in REFUSED] == []
        assert sockets.dialled == []

    @pytest.mark.parametrize("id_", [id_ for id_, url in HOSTILE.items() if "\n" not in url])
    def test_are_not_followed_from_a_redirect(
        self, web: Web, fetch: Fetch, sockets: CheckedSockets, id_: str
    ) -> None:
        location = HOSTILE[id_].encode().decode("latin-1")
        sockets.expect(PUBLIC)

        result = fetch(web.add("/a.jpg", status=302, Location=location), resolve=first_answers)

        assert only(result).outcome != Outcome.stored
        assert set(sockets.dialled) <= {*home(web), (PUBLIC, 80)}
        assert only(result).outcome in ({Outcome.connect_error} if id_ in PASSING else REFUSED)

    @pytest.mark.parametrize(
        "location",
        [
            "http://127.0.0.1:{port}/",
            "http://trap.localhost:{port}/",
            "http://[::ffff:127.0.0.1]:{port}/",
            "//127.0.0.1:{port}/",
            "//web.localhost:{port}/",
            "ftp://127.0.0.1:{port}/",
            "gopher://127.0.0.1:{port}/_GET%20/",
            "dict://127.0.0.1:{port}/",
            "ldap://127.0.0.1:{port}/",
            "telnet://127.0.0.1:{port}/",
            "ws://127.0.0.1:{port}/",
            "smb://127.0.0.1:{port}/",
            "file:///etc/passwd",
            "http://169.254.169.254/latest/meta-data/",
            "http://[fd00:ec2::254]/latest/meta-data/",
        ],
    )
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_lead_to_nothing_inside(
        self,
        web: Web,
        trap: Web,
        fetch: Fetch,
        sockets: CheckedSockets,
        status: int,
        location: str,
    ) -> None:
        location = location.format(port=trap.port)

        refused = only(fetch(web.add("/a.jpg", status=status, Location=location)))

        assert refused.outcome in REFUSED
        assert set(sockets.dialled) <= home(web)


class TestNames:
    def test_are_dialled_at_the_address_that_was_checked(
        self, fetch: Fetch, sockets: CheckedSockets
    ) -> None:
        answers = iter([[PUBLIC]])
        sockets.expect(PUBLIC)

        rebound = only(
            fetch("http://rebind.test/a.jpg", resolve=lambda _: next(answers, ["127.0.0.1"]))
        )

        assert rebound.outcome == Outcome.blocked_address
        assert sockets.dialled == [(PUBLIC, 80)]

    def test_are_looked_up_once_a_chunk_and_by_nobody_else(
        self, fetch: Fetch, sockets: CheckedSockets, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = []

        def resolve(host: str) -> tuple[str, ...]:
            asked.append(host)
            return (PUBLIC if len(asked) == 1 else "127.0.0.1",)

        monkeypatch.setattr("crawlset.fetching.resolver.system_resolve", resolve)
        sockets.expect(PUBLIC)

        result = fetch("http://rebind.test/a.jpg", "http://rebind.test/b.jpg")

        assert result.counts == {"connect_error": 2}
        assert (asked, sockets.looked_up) == (["rebind.test"], [])
        assert set(sockets.dialled) == {(PUBLIC, 80)}

    def test_with_an_address_of_each_kind_are_dialled_at_those(
        self, fetch: Fetch, sockets: CheckedSockets
    ) -> None:
        addresses = "2606:4700:4700::1111", PUBLIC
        sockets.expect(*addresses)

        fetch("http://dual.test/a.jpg", resolve=lambda _: addresses)

        assert {host for host, _ in sockets.dialled} <= set(addresses)
        assert sockets.dialled


class TestConnections:
    def test_are_each_asked_of_the_guard(
        self, web: Web, fetch: Fetch, sockets: CheckedSockets, accepted: list[Any]
    ) -> None:
        urls = [web.add(f"/{n}.jpg", pictures.jpeg(), Connection="close") for n in range(20)]
        urls += [web.url("/0.jpg", "other"), web.add("/gone.jpg", status=404)]
        urls.append(web.add("/moved.jpg", status=302, Location=web.url("/1.jpg", "other")))

        result = fetch(*urls)

        assert result.counts == {"stored": 22, "http_404": 1}
        assert sockets.dialled.count(("127.0.0.1", web.port)) == len(accepted) >= 20
        assert set(sockets.dialled) <= home(web)

    @pytest.mark.parametrize(
        "variable", ["http_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"]
    )
    @pytest.mark.parametrize("scheme", ["http", "socks5h"])
    def test_go_through_no_proxy_of_the_environment(
        self,
        web: Web,
        trap: Web,
        fetch: Fetch,
        sockets: CheckedSockets,
        monkeypatch: pytest.MonkeyPatch,
        variable: str,
        scheme: str,
    ) -> None:
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(variable, f"{scheme}://127.0.0.1:{trap.port}")

        stored = only(fetch(web.add("/a.jpg", pictures.jpeg())))

        assert stored.outcome == Outcome.stored
        assert set(sockets.dialled) <= home(web)

    @pytest.mark.parametrize(
        ("status", "headers"),
        [
            (200, {"Alt_Svc": 'http/1.1="127.0.0.1:{port}"; ma=60, h2="127.0.0.1:{port}"'}),
            (200, {"Refresh": "0; url=http://127.0.0.1:{port}/"}),
            (200, {"Link": "<http://127.0.0.1:{port}/>; rel=preconnect"}),
            (200, {"Content_Location": "http://127.0.0.1:{port}/"}),
            (200, {"Location": "http://127.0.0.1:{port}/"}),
            (300, {"Location": "http://127.0.0.1:{port}/"}),
            (305, {"Location": "http://127.0.0.1:{port}/"}),
            (401, {"WWW_Authenticate": "Negotiate"}),
            (407, {"Proxy_Authenticate": "Basic"}),
            (426, {"Upgrade": "h2c", "Connection": "Upgrade"}),
        ],
    )
    def test_are_not_moved_by_a_header(
        self,
        web: Web,
        trap: Web,
        fetch: Fetch,
        sockets: CheckedSockets,
        status: int,
        headers: dict[str, str],
    ) -> None:
        sent: dict[str, Any] = {
            name: value.format(port=trap.port) for name, value in headers.items()
        }
        urls = [web.add(f"/{n}.jpg", pictures.jpeg(), status, **sent) for n in range(9)]

        fetch(*urls)

        assert [web.requests[f"/{n}.jpg"] for n in range(9)] == [1] * 9
        assert set(sockets.dialled) <= home(web)


class TestRequests:
    def test_carry_no_credentials_of_the_machine(
        self, web: Web, fetch: Fetch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        lines = "machine web.localhost login me password secret\ndefault login me password secret"
        (tmp_path / ".netrc").write_text(lines)
        (tmp_path / ".curlrc").write_text("user = me:secret\n")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        monkeypatch.setenv("CURL_HOME", str(tmp_path))
        closed = web.add("/a.jpg", status=401, WWW_Authenticate='Basic realm="a"')

        fetch(closed, web.add("/b.jpg", pictures.jpeg()))

        assert len(web.log) == 4
        assert not any("authorization" in asked.headers for asked in web.log)

    def test_carry_no_cookie_and_no_referrer_from_one_to_the_next(
        self, web: Web, fetch: Fetch
    ) -> None:
        cookie = "id=1; Path=/"
        web.add("/robots.txt", Set_Cookie=cookie)
        moved = web.add("/a.jpg", status=302, Location="/b.jpg", Set_Cookie=cookie)
        web.add("/b.jpg", pictures.jpeg(), Set_Cookie=cookie)

        fetch(moved, web.url("/b.jpg", "other"), limits=replace(QUICK, n_transfers=1))

        assert {name for asked in web.log for name in asked.headers} == {
            "host",
            "user-agent",
            "accept",
            "accept-encoding",
        }


def home(web: Web) -> set[tuple[str, int]]:
    """The loopback addresses of `web`, of which libcurl may try both."""
    return {("127.0.0.1", web.port), ("::1", web.port)}


def first_answers(host: str) -> list[str]:
    answers: list[list[str]] = VECTORS["dns"].get(host, [[PUBLIC]])
    return answers[0]


class TestWithoutIpv6:
    def test_goes_on_to_the_next_address_in_silence(
        self,
        web: Web,
        fetch: Fetch,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """
        A function of Lambda outside a VPC cannot open such a socket; names have AAAA records.

        https://github.com/L9Labs/aws-ipv6-gaps
        """
        opened: list[int] = []

        class WithoutIpv6(transfer._DialledSocket):
            def __init__(self, family: int, kind: int, protocol: int) -> None:
                opened.append(family)
                if family == socket.AF_INET6:
                    raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
                super().__init__(family, kind, protocol)

        monkeypatch.setattr(transfer, "_DialledSocket", WithoutIpv6)
        url = web.add("/a.jpg", pictures.jpeg())

        result = fetch(url, resolve=lambda _: ["::1", "127.0.0.1"])

        assert only(result).outcome == Outcome.stored
        assert opened[0] == socket.AF_INET6
        assert capfd.readouterr().err == ""
