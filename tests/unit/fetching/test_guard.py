import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlset.fetching.addresses import is_public, parse_address
from crawlset.fetching.guard import (
    BlockedUrlError,
    InvalidUrlError,
    Verdict,
    check_url,
    explain,
    parse_url,
)
from crawlset.outcomes import Outcome

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("ssrf_vectors.json").read_text())
PUBLIC = "93.184.216.34"

IPV4 = st.integers(0, 2**32 - 1).map(IPv4Address)
PRIVATE_IPV4 = st.one_of(
    [
        st.integers(int(IPv4Address(first)), int(IPv4Address(last))).map(IPv4Address)
        for first, last in (
            ("10.0.0.0", "10.255.255.255"),
            ("127.0.0.0", "127.255.255.255"),
            ("169.254.0.0", "169.254.255.255"),
            ("172.16.0.0", "172.31.255.255"),
            ("192.168.0.0", "192.168.255.255"),
            ("100.64.0.0", "100.127.255.255"),
        )
    ]
)

SPELLINGS: dict[str, Callable[[IPv4Address], str]] = {
    "dotted": str,
    "trailing dot": lambda a: f"{a}.",
    "dword": lambda a: str(int(a)),
    "hex dword": lambda a: hex(int(a)),
    "octal dword": lambda a: f"0{int(a):o}",
    "dotted hex": lambda a: ".".join(hex(byte) for byte in a.packed),
    "dotted octal": lambda a: ".".join(f"0{byte:o}" for byte in a.packed),
    "padded": lambda a: ".".join(f"{byte:03}" for byte in a.packed),
    "short": lambda a: f"{a.packed[0]}.{int(a) & 0xFFFFFF}",
    "three parts": lambda a: f"{a.packed[0]}.{a.packed[1]}.{int(a) & 0xFFFF}",
    "full width": lambda a: str(a).translate({ord("0") + n: 0xFF10 + n for n in range(10)}),
    "ideographic stops": lambda a: str(a).replace(".", "\u3002"),
    "percent": lambda a: str(a).replace(".", "%2e"),
    "in brackets": lambda a: f"[{a}]",
    "mapped": lambda a: f"[::ffff:{a}]",
    "compatible": lambda a: f"[::{a}]",
    "translated": lambda a: f"[::ffff:0:{a}]",
    "nat64": lambda a: f"[64:ff9b::{a}]",
    "local nat64": lambda a: f"[64:ff9b:1::{a}]",
    "6to4": lambda a: f"[{IPv6Address(0x2002 << 112 | int(a) << 80)}]",
    "teredo": lambda a: f"[{IPv6Address(0x20010000 << 96 | ~int(a) & 0xFFFFFFFF)}]",
    "isatap": lambda a: f"[{IPv6Address(0x2606_4700 << 96 | 0x5EFE << 32 | int(a))}]",
}


class FakeDns:
    """The answers of the vectors, one after another; any other name has a public address."""

    def __init__(self) -> None:
        self.n_asked = 0

    def __call__(self, host: str) -> Iterable[str]:
        self.n_asked += 1
        if host.startswith("nxdomain"):
            raise OSError
        answers: list[list[str]] = VECTORS["dns"].get(host, [[PUBLIC]])
        return answers[min(self.n_asked, len(answers)) - 1]


class TestCheckUrl:
    @pytest.mark.parametrize(
        "url",
        [pytest.param(url, id=id_) for id_, _, url, _ in VECTORS["reject"] if id_ != "E06"],
    )
    def test_refuses_every_hostile_vector(self, url: str) -> None:
        with pytest.raises(BlockedUrlError):
            check_url(url, FakeDns())

    @pytest.mark.parametrize("url", [pytest.param(url, id=id_) for id_, url in VECTORS["accept"]])
    def test_lets_every_public_vector_through(self, url: str) -> None:
        _, addresses = check_url(url, FakeDns())

        assert addresses

    def test_gives_the_checked_addresses_to_dial_so_that_a_rebinding_name_gains_nothing(
        self,
    ) -> None:
        dns = FakeDns()

        _, addresses = check_url("http://rebind.test/", dns)

        assert (addresses, dns.n_asked) == ((PUBLIC,), 1)

    @pytest.mark.parametrize(
        "hops", [pytest.param(hops, id=id_) for id_, hops, _ in VECTORS["redirect_reject"]]
    )
    def test_refuses_hostile_redirects(self, hops: list[str]) -> None:
        target, _ = check_url("https://first.example.com/a.jpg", FakeDns())
        seen = {target.url}

        def follow() -> None:
            current = target
            for location in hops:
                current, _ = check_url(current.join(location), FakeDns())
                if current.url in seen:
                    raise BlockedUrlError("loop")
                seen.add(current.url)

        with pytest.raises(BlockedUrlError):
            follow()

    def test_raises_what_the_resolver_raises(self) -> None:
        with pytest.raises(OSError):
            check_url("http://nxdomain.test/", FakeDns())

    @given(IPV4, st.sampled_from(sorted(SPELLINGS)))
    def test_accepts_a_spelling_of_an_address_only_when_it_is_public(
        self, address: IPv4Address, spelling: str
    ) -> None:
        try:
            _, addresses = check_url(f"http://{SPELLINGS[spelling](address)}/", FakeDns())
        except BlockedUrlError:
            return

        assert is_public(address)
        assert addresses == (str(address),)

    @given(PRIVATE_IPV4, st.sampled_from(sorted(SPELLINGS)))
    def test_refuses_every_spelling_of_a_private_address(
        self, address: IPv4Address, spelling: str
    ) -> None:
        with pytest.raises(BlockedUrlError):
            check_url(f"http://{SPELLINGS[spelling](address)}/", FakeDns())

    @given(PRIVATE_IPV4, st.integers(0, 5), st.lists(st.just(PUBLIC), max_size=5))
    def test_refuses_a_name_with_one_private_address_among_public_ones(
        self, address: IPv4Address, at: int, answers: list[str]
    ) -> None:
        answers.insert(at, str(address))

        with pytest.raises(BlockedUrlError):
            check_url("http://many.example.com/", lambda _: answers)

    def test_refuses_a_name_without_addresses(self) -> None:
        with pytest.raises(BlockedUrlError):
            check_url("http://empty.example.com/", lambda _: ())


class TestParseUrl:
    @given(st.text(max_size=200))
    def test_raises_nothing_but_its_own_error(self, text: str) -> None:
        for url in (text, f"http://{text}", f"https://example.com/{text}"):
            with suppress(BlockedUrlError):
                parse_url(url)

    @given(st.text(max_size=100))
    def test_reads_its_own_url_back_as_the_same_target(self, path: str) -> None:
        try:
            target = parse_url(f"https://b\u00fccher.example:8443/{path}")
        except BlockedUrlError:
            return

        assert target.url.isascii()
        assert parse_url(target.url) == target

    def test_says_malformed_and_forbidden_apart(self) -> None:
        with pytest.raises(InvalidUrlError) as malformed:
            parse_url("http://")
        with pytest.raises(BlockedUrlError) as forbidden:
            parse_url("http://127.0.0.1/")

        assert malformed.value.outcome == Outcome.invalid_url
        assert forbidden.value.outcome == Outcome.blocked_address

    @pytest.mark.parametrize(
        ("path", "sent"),
        [
            ("/open/../private/a.jpg", "/private/a.jpg"),
            ("/open/%2e%2E/private/a.jpg", "/private/a.jpg"),
            ("/a/./b/..", "/a/"),
            ("/../../a", "/a"),
            ("/a.b/c..d/...", "/a.b/c..d/..."),
            ("", "/"),
            ("//a", "//a"),
            ("/\u00fc?q=\u00fc%41", "/%C3%BC?q=%C3%BC%41"),
        ],
    )
    def test_asks_for_the_path_that_policies_are_matched_with(self, path: str, sent: str) -> None:
        target = parse_url(f"https://example.com{path}")

        assert target.path + target.query == sent

    def test_drops_what_the_server_must_not_see(self) -> None:
        assert parse_url("HTTP://EXAMPLE.COM.:80/a#secret").url == "http://example.com/a"


class TestPrivateHosts:
    HOSTS = frozenset({"photos.localhost:8490", "127.0.0.1:8490", "[::1]:8490"})

    @pytest.mark.parametrize("host", sorted(HOSTS))
    def test_are_let_through_without_a_look_up(self, host: str) -> None:
        target, addresses = check_url(f"http://{host}/a.jpg", FakeDns(), self.HOSTS)

        assert (target.is_private, addresses) == (True, ())

    @pytest.mark.parametrize(
        "url",
        [
            "http://photos.localhost/",
            "http://photos.localhost:8491/",
            "http://other.localhost:8490/",
            "http://127.0.0.2:8490/",
            "http://user@photos.localhost:8490/",
        ],
    )
    def test_are_exact_pairs(self, url: str) -> None:
        with pytest.raises(BlockedUrlError):
            parse_url(url, self.HOSTS)


class TestJoin:
    @pytest.mark.parametrize(
        ("reference", "url"),
        [
            ("https://other.example/x", "https://other.example/x"),
            ("//other.example/x", "https://other.example/x"),
            ("/x?y", "https://example.com/x?y"),
            ("x", "https://example.com/a/x"),
            ("../x", "https://example.com/x"),
            ("?z", "https://example.com/a/b.jpg?z"),
            ("#top", "https://example.com/a/b.jpg?q=1"),
        ],
    )
    def test_resolves_as_rfc_3986_does(self, reference: str, url: str) -> None:
        base = parse_url("https://example.com/a/b.jpg?q=1")

        assert parse_url(base.join(reference)).url == url


class TestExplain:
    @pytest.mark.parametrize(
        ("url", "resolved", "allowed"),
        [
            ("https://example.com/a.jpg", None, True),
            ("https://example.com/a.jpg", [PUBLIC], True),
            ("https://example.com/a.jpg", [PUBLIC, "10.0.0.1"], False),
            ("https://example.com/a.jpg", ["nonsense"], False),
            ("https://example.com/a.jpg", [], False),
            ("https://8.8.8.8/", None, True),
            ("http://169.254.169.254/", None, False),
            ("ftp://example.com/", None, False),
        ],
    )
    def test_judges_without_a_look_up(
        self, url: str, resolved: list[str] | None, allowed: bool
    ) -> None:
        assert explain(url, resolved).allowed is allowed

    def test_says_why(self) -> None:
        assert explain("http://127.0.0.1/") == Verdict(False, "address is not public")

    def test_knows_the_private_hosts(self) -> None:
        assert explain("http://a.localhost:8490/", None, frozenset({"a.localhost:8490"})).allowed


class TestIsPublic:
    @pytest.mark.parametrize(
        ("first", "last"),
        [
            ("0.0.0.0", "0.255.255.255"),
            ("10.0.0.0", "10.255.255.255"),
            ("100.64.0.0", "100.127.255.255"),
            ("127.0.0.0", "127.255.255.255"),
            ("169.254.0.0", "169.254.255.255"),
            ("172.16.0.0", "172.31.255.255"),
            ("192.168.0.0", "192.168.255.255"),
            ("198.18.0.0", "198.19.255.255"),
            ("224.0.0.0", "255.255.255.255"),
            ("168.63.129.16", "168.63.129.16"),
        ],
    )
    def test_knows_both_edges_of_each_range(self, first: str, last: str) -> None:
        below, above = int(IPv4Address(first)) - 1, int(IPv4Address(last)) + 1

        assert not is_public(IPv4Address(first))
        assert not is_public(IPv4Address(last))
        assert below < 0 or is_public(IPv4Address(below))
        assert above >= 2**32 or is_public(IPv4Address(above))

    @given(st.integers(0, 2**128 - 1).map(IPv6Address))
    def test_takes_no_ipv6_address_outside_global_unicast(self, address: IPv6Address) -> None:
        assert not is_public(address) or address.packed[0] >> 5 == 1

    @pytest.mark.parametrize("text", ["::1%lo", "127.1", "0x7f.0.0.1", "\uff11.1.1.1", "", "a.b"])
    def test_reads_canonical_spellings_only(self, text: str) -> None:
        assert parse_address(text) is None
