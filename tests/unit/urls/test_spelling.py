import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlset.urls import guard, spelling
from crawlset.urls.guard import BlockedUrlError, InvalidUrlError, parse_url
from crawlset.urls.spelling import host_of, is_url, plain_host, plain_url, unicode_host, web_host
from tests.spellings import PAIRS, SPELLINGS


class TestHostOf:
    @pytest.mark.parametrize(("spelling", "host"), PAIRS)
    def test_is_one_however_it_is_spelled(self, spelling: str, host: str) -> None:
        assert host_of(f"https://{spelling}/a.jpg?b=c#d") == host
        assert host_of(f"HTTPS://{spelling}") == host

    @pytest.mark.parametrize(("spelling", "host"), PAIRS)
    def test_is_the_one_the_guard_dials_and_reads_policies_of(
        self, spelling: str, host: str
    ) -> None:
        target = parse_url(f"https://{spelling}/a.jpg")

        assert (target.host, target.origin) == (host.strip("[]"), f"https://{host}")

    @given(st.text(max_size=80), st.sampled_from(["http", "https"]))
    def test_is_the_guards_for_every_url_that_it_lets_through(self, rest: str, scheme: str) -> None:
        url = f"{scheme}://{rest}"
        try:
            target = parse_url(url)
        except BlockedUrlError:
            return

        assert host_of(url).strip("[]") == target.host

    @pytest.mark.parametrize(
        ("url", "host"),
        [
            ("https://user:word@a.test:8080/x", "a.test"),
            ("//A.test/x", "a.test"),
            ("ftp://a.test/x", "a.test"),
            ("https://a..test./x", "a..test"),
            ("https://0177.0.0.1/x", "0177.0.0.1"),
            ("https://1.2.3.4./x", "1.2.3.4"),
            ("https://\uff21.test/x", "\uff41.test"),
            ("https://localhost:9000/x", "localhost"),
            ("https://a.test?b=//c.test", "a.test"),
            ("https:///x", ""),
            ("https://[::1/x", ""),
            ("row 5: no url", ""),
            ("", ""),
        ],
    )
    def test_is_read_out_of_what_is_never_asked_too(self, url: str, host: str) -> None:
        assert host_of(url) == host

    @given(st.text(max_size=80))
    def test_is_its_own_spelling(self, text: str) -> None:
        assert plain_host(plain_host(text)) == plain_host(text)


class TestWebHost:
    @pytest.mark.parametrize(
        "url", ["ftp://a.test/x", "//a.test/x", "javascript://a.test/%0a", "a"]
    )
    def test_is_empty_for_other_schemes(self, url: str) -> None:
        assert web_host(url) == ""

    @pytest.mark.parametrize("url", ["http://a.test", "HTTPS://A.test./x"])
    def test_is_the_host_of_http_and_https(self, url: str) -> None:
        assert web_host(url) == "a.test"


class TestUnicodeHost:
    @pytest.mark.parametrize(
        ("host", "letters"),
        [
            ("xn--mnchen-3ya.de", "münchen.de"),
            ("example.com", "example.com"),
            ("xn--a.test", "xn--a.test"),
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("", ""),
        ],
    )
    def test_has_letters_for_what_stands_for_them(self, host: str, letters: str) -> None:
        assert unicode_host(host) == letters


class TestPlainUrl:
    @pytest.mark.parametrize("host", SPELLINGS)
    def test_is_one_for_all_spellings_of_an_address(self, host: str) -> None:
        urls = {plain_url(f"HTTPS://{spelling}/a.jpg#top") for spelling in SPELLINGS[host]}

        assert urls == {f"https://{host}/a.jpg"}

    @pytest.mark.parametrize(
        ("url", "plain"),
        [
            ("http://a.test:80", "http://a.test/"),
            ("http://a.test?b", "http://a.test/?b"),
            ("http://a.test/?", "http://a.test/"),
            ("http://a.test:443/X", "http://a.test:443/X"),
            ("//a.test/x", "//a.test/x"),
            ("no url", "no url"),
        ],
    )
    def test_leaves_what_makes_a_difference(self, url: str, plain: str) -> None:
        assert plain_url(url) == plain


class TestIsUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "https://example.org/cat.jpg",
            "http://example.org",
            "HTTPS://EXAMPLE.ORG/a?b=c&d=%20#e",
            "https://example.org:8443/cat.jpg",
            "https://[2001:db8::1]/cat.jpg",
            "https://bücher.example/katze.jpg",
            "https://example.org/kätzchen.jpg",
            "http://wild.localhost:9000/cat.jpg",
            "http://10.0.0.1/cat.jpg",
        ],
    )
    def test_is_true_of_what_could_be_asked(self, url: str) -> None:
        assert is_url(url)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "cat.jpg",
            "ftp://example.org/cat.jpg",
            "data:image/png;base64,AAAA",
            "//example.org/cat.jpg",
            "https:///cat.jpg",
            "https://:80/cat.jpg",
            "http://",
            "https://example.org:99999/cat.jpg",
            "https://[::1/cat.jpg",
            "https://user@example.org/cat.jpg",
            "https://example..org/cat.jpg",
            "https://example.org\\cat.jpg",
            "https://example.org/\ud800.jpg",
            "https://example.org/a b.jpg",
            "https://example.org/\0.jpg",
            "https://example.org/\x85.jpg",
            "https://example.org/" + "a" * 8192,
        ],
    )
    def test_is_false_of_anything_else(self, url: str) -> None:
        assert not is_url(url)


class TestLongHosts:
    def test_are_kept_in_no_cache(self) -> None:
        before = spelling._cached_host.cache_info().currsize

        for n in range(100):
            assert plain_host(f"{n:03d}" + "A" * 5000) == f"{n:03d}" + "a" * 5000

        assert spelling._cached_host.cache_info().currsize == before

    def test_are_refused_before_their_labels_are_encoded(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def encode(_: str) -> str:
            raise AssertionError

        monkeypatch.setattr(guard, "_encoded", encode)

        with pytest.raises(InvalidUrlError, match="malformed host name"):
            guard.spell_host("\u00fc." * 4000)
