from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlset.outcomes import Outcome
from crawlset.urls.addresses import is_public, parse_address
from crawlset.urls.guard import (
    BlockedUrlError,
    Explanation,
    InvalidUrlError,
    check_url,
    explain,
    parse_url,
)
from tests.unit.fetching.hostile_urls import PUBLIC, FakeDns


class TestCheckUrl:
    def test_gives_the_checked_addresses_to_dial_so_that_a_rebinding_name_gains_nothing(
        self,
    ) -> None:
        dns = FakeDns()

        _, addresses = check_url("http://rebind.test/", dns)

        assert (addresses, dns.n_asked) == ((PUBLIC,), 1)

    def test_raises_what_the_resolver_raises(self) -> None:
        with pytest.raises(OSError):
            check_url("http://nxdomain.test/", FakeDns())

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
        assert explain("http://127.0.0.1/") == Explanation(False, "address is not public")

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
