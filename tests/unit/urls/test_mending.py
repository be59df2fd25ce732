"""
URLs with characters that browsers mend.

What is wanted is what https://url.spec.whatwg.org/#concept-basic-url-parser makes of them; of a
host it makes more, on purpose (tests/unit/fetching/ssrf_vectors.json: G02, G08, G09, G23, R09).
"""

from contextlib import suppress
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawlset.urls.guard import MAX_URL_LENGTH, BlockedUrlError, InvalidUrlError, parse_url
from crawlset.urls.mending import mend
from crawlset.urls.spelling import plain_url
from tests.unit.fetching.hostile_urls import PUBLIC_PAGE, VECTORS

SIGNS = st.sampled_from([*" \t\r\n\\/?#:@.%\0\x1f\x7f\x85\xa0\u200b\u3000\ufeffa\u00fc[]"])


class TestMend:
    @pytest.mark.parametrize(
        ("url", "sent"),
        [
            ("https://a.test/a b.jpg", "https://a.test/a%20b.jpg"),
            (
                "https://a.test/a b/c  d.jpg?q=x y#top of",
                "https://a.test/a%20b/c%20%20d.jpg?q=x%20y",
            ),
            ("https://a.test/?a b", "https://a.test/?a%20b"),
            ("https://a.test?a b", "https://a.test/?a%20b"),
            (" \x00\thttps://a.test/a.jpg \r\n", "https://a.test/a.jpg"),
            ("https://a.test/a\tb\r\nc\n.jpg?d\te", "https://a.test/abc.jpg?de"),
            (r"https://a.test/a\b\c.jpg?d=\e", "https://a.test/a/b/c.jpg?d=%5Ce"),
            (r"https://a.test/a/b\..\c.jpg", "https://a.test/a/c.jpg"),
            ("https://a.test/a/.\t./c.jpg", "https://a.test/c.jpg"),
            ("https://a.test/\0\x01\x7f\x85", "https://a.test/%00%01%7F%C2%85"),
            (
                "https://a.test/\xa0\u200b\u3000\ufeffx",
                "https://a.test/%C2%A0%E2%80%8B%E3%80%80%EF%BB%BFx",
            ),
            ("https://a.test/ü b?ü", "https://a.test/%C3%BC%20b?%C3%BC"),
            ('https://a.test/a"<>`{}^ b', "https://a.test/a%22%3C%3E%60%7B%7D%5E%20b"),
            ("https://a.test/100% b/%zz%c3%BC", "https://a.test/100%%20b/%zz%c3%BC"),
            ("https://b\u00fccher.example/a b", "https://xn--bcher-kva.example/a%20b"),
            ("https://a.test:8443/a b@c", "https://a.test:8443/a%20b@c"),
        ],
    )
    def test_gives_what_browsers_send(self, url: str, sent: str) -> None:
        assert parse_url(mend(url)).url == sent

    @pytest.mark.parametrize(
        ("location", "url"),
        [
            ("b c.jpg", "https://first.example.com/d/b%20c.jpg"),
            ("/b c.jpg", "https://first.example.com/b%20c.jpg"),
            (r"\b\c.jpg", "https://first.example.com/b/c.jpg"),
            (r"..\c.jpg", "https://first.example.com/c.jpg"),
            ("?q=b c", "https://first.example.com/d/e.jpg?q=b%20c"),
            ("#b c", "https://first.example.com/d/e.jpg?f"),
            ("//second.example.com/b c", "https://second.example.com/b%20c"),
            ("a b:c/d", "https://first.example.com/d/a%20b:c/d"),
            (" b.jpg\t", "https://first.example.com/d/b.jpg"),
            ("b?u=http://a b/", "https://first.example.com/d/b?u=http://a%20b/"),
        ],
    )
    def test_mends_references(self, location: str, url: str) -> None:
        base = parse_url("https://first.example.com/d/e.jpg?f")

        assert parse_url(base.join(mend(location))).url == url

    @pytest.mark.parametrize(
        "url",
        [
            "https://a.te st/a.jpg",
            "https://a.test .evil.example/",
            "https://a.te\tst/a.jpg",
            "ht\ntps://a.test/a.jpg",
            "https:/\t/a.test/a.jpg",
            r"https:\\a.test\a.jpg",
            r"https://a.test\a.jpg",
            r"https://a.test\@b.test/a.jpg",
            "/\t/b.test/a.jpg",
            r"\\b.test\a.jpg",
            r"/\b.test/a.jpg",
            "\\\n\\b.test/a.jpg",
            "https://a.test/\ud800 b",
            "data:image/png;base64,AA AA",
            "https:/a.test/a b",
            "https://a.test/" + " a" * MAX_URL_LENGTH,
            "",
        ],
    )
    def test_leaves_to_be_refused_what_names_a_host_oddly(self, url: str) -> None:
        base = parse_url(PUBLIC_PAGE)

        with pytest.raises(InvalidUrlError):
            parse_url(base.join(mend(url)))

    @given(st.text() | st.text(SIGNS).map("https://a.test".__add__) | st.text(SIGNS))
    @example("//a\t b")
    def test_has_nothing_left_to_mend(self, url: str) -> None:
        mended = mend(url)

        assert mend(mended) == mended

    @given(
        st.text(SIGNS), st.sampled_from(["https://a.test/", "https://a.test?", "https://a.test#"])
    )
    def test_leads_to_no_other_host(self, tail: str, start: str) -> None:
        target = parse_url(mend(start + tail))

        assert target.origin == "https://a.test"

    @given(st.text(SIGNS))
    def test_leads_a_reference_to_a_host_that_it_names_plainly(self, location: str) -> None:
        with suppress(BlockedUrlError):
            target = parse_url(parse_url(PUBLIC_PAGE).join(mend(location)))
            assert target.host == "first.example.com" or location.strip().startswith("//")

    @pytest.mark.parametrize("url", [url for _, url in VECTORS["accept"]])
    def test_leaves_a_url_as_it_stands(self, url: str) -> None:
        assert mend(url) == url

    @pytest.mark.parametrize("url", [url for _, _, url, _ in VECTORS["reject"]])
    def test_lets_nothing_through_that_was_refused(self, url: str) -> None:
        with suppress(BlockedUrlError):
            assert parse_url(mend(url)) == parse_url(url)


def test_a_takedown_means_both_spellings_of_a_url() -> None:
    assert plain_url("https://A.test/a b.jpg ") == plain_url("https://a.test/a%20b.jpg")


def test_what_is_percent_encoded_stands_for_what_it_was() -> None:
    path = "/a b\u3000c\x7f.jpg"

    assert unquote(parse_url(mend(f"https://a.test{path}")).path) == path
