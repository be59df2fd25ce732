"""What goes out on the wire for URLs and redirects that are not spelled by the book."""

import pytest

from crawlset.outcomes import Outcome
from crawlset.urls.guard import MAX_URL_LENGTH
from crawlset.wire.chunks import FetchPolicy
from tests.integration.fetching.chunk_fetch import Fetch, only
from tests.integration.web_server import Web
from tests.unit.imaging import pictures

PICTURE = pictures.jpeg()


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        [
            "/%c3%bc/%C3%BC/%e9.jpg",
            "/a.jpg?X-Amz-Signature=0a%2fB%2F%3d",
            "/a%2eb/%2f..%2f/c%252f.jpg",
            "//double//slash.jpg",
            "/100%/%zz.jpg?%",
            "/a;b=c,d/!$&'()*+,;=:@-._~[]|?!$&'()*+,;=:@/?[]|",
            "/a.jpg?",
            "/%00%0d%0aHost:%20b.jpg",
        ],
    )
    def test_are_sent_letter_by_letter(self, web: Web, fetch: Fetch, path: str) -> None:
        """
        Servers compare and sign the letters that they gave.

        libcurl writes escapes in upper case since 8.20 (https://github.com/curl/curl/issues/21524),
        and its maintainers want no option against it (https://github.com/curl/curl/pull/21527).
        """
        stored = only(fetch(web.add(path, PICTURE)))

        assert stored.outcome == Outcome.stored
        assert web.requests[path] == 1
        assert stored.final_url == web.url(path)

    def test_do_not_outlive_their_request(self, web: Web, fetch: Fetch) -> None:
        """libcurl remembers a request target for as long as it has the handle."""
        web.add("/robots.txt", b"User-agent: *\nDisallow: /%c3%a9/")
        moved = web.add("/%c3%bc.jpg", status=302, Location="/%c3%bd.jpg")
        web.add("/%c3%bd.jpg", PICTURE)

        stored, refused = fetch(moved, web.url("/%c3%a9/a.jpg")).outcomes

        assert (stored.outcome, refused.outcome) == (Outcome.stored, Outcome.refused_robots)
        assert [asked.path for asked in web.log if "well-known" not in asked.path] == [
            "/robots.txt",
            "/%c3%bc.jpg",
            "/%c3%bd.jpg",
        ]

    @pytest.mark.parametrize(
        ("path", "sent"),
        [
            ("/my cat.jpg?a b ", "/my%20cat.jpg?a%20b"),
            (r"/a\b.jpg", "/a/b.jpg"),
            ("/a\t\r\nb.jpg", "/ab.jpg"),
            ("/kätzchen 1.jpg?ü", "/k%C3%A4tzchen%201.jpg?%C3%BC"),
            ("/\u3000\xa0.jpg", "/%E3%80%80%C2%A0.jpg"),
            ("/a/../b/%2E%2e/c d.jpg", "/c%20d.jpg"),
        ],
    )
    def test_are_mended_as_browsers_do(self, web: Web, fetch: Fetch, path: str, sent: str) -> None:
        web.add(sent, PICTURE)

        stored = only(fetch(f" {web.url(path)}\n"))

        assert (stored.outcome, stored.final_url) == (Outcome.stored, web.url(sent))
        assert web.requests[sent] == 1


class TestUrls:
    def test_may_name_a_host_in_its_own_letters(self, web: Web, fetch: Fetch) -> None:
        web.add("/k%C3%A4tzchen.jpg", PICTURE)
        host = f"xn--bcher-kva.localhost:{web.port}"

        stored = only(
            fetch(
                f"http://Bücher.localhost:{web.port}/kätzchen.jpg#oben",
                private_hosts=frozenset({host}),
            )
        )

        assert stored.outcome == Outcome.stored
        assert stored.final_url == f"http://{host}/k%C3%A4tzchen.jpg"
        assert {asked.headers["host"] for asked in web.log} == {host}

    def test_may_all_be_as_long_as_they_can(self, web: Web, fetch: Fetch) -> None:
        length = MAX_URL_LENGTH - len(web.url("/")) - len("000.jpg")
        urls = [web.add(f"/{'a' * length}{n:03d}.jpg", PICTURE) for n in range(120)]

        result = fetch(*urls)

        assert {len(url) for url in urls} == {MAX_URL_LENGTH}
        assert result.counts == {Outcome.stored: 120}

    def test_may_all_be_sent_to_one_placeholder(self, web: Web, fetch: Fetch) -> None:
        web.add("/gone.jpg", PICTURE)
        urls = [web.add(f"/{n}.jpg", status=302, Location="/gone.jpg") for n in range(40)]

        result = fetch(*urls)

        assert result.counts == {Outcome.stored: 40}
        assert {o.final_url for o in result.outcomes} == {web.url("/gone.jpg")}
        assert len({(o.pack_offset, o.sha256) for o in result.outcomes}) == 1
        assert web.requests["/gone.jpg"] == 40


class TestLocation:
    @pytest.mark.parametrize(
        ("location", "sent"),
        [
            (b"/my cat.jpg", "/my%20cat.jpg"),
            (b"my cat.jpg?a b#c d", "/d/my%20cat.jpg?a%20b"),
            (b"\t /b.jpg \t", "/b.jpg"),
            (rb"\b\c.jpg", "/b/c.jpg"),
            (rb"..\c.jpg", "/c.jpg"),
            (b"/b\tc.jpg", "/bc.jpg"),
            (b"/%c3%bc.jpg", "/%c3%bc.jpg"),
            (b"/caf\xc3\xa9.jpg", "/caf%C3%A9.jpg"),
            (b"/caf\xe9.jpg", "/caf%E9.jpg"),
            (b"/caf\xe9?\xc3\xa9=\xe8\xff", "/caf%E9?%C3%A9=%E8%FF"),
            (b"/voil\xc3\xa0", "/voil%C3%A0"),
            (b"/\x93quoted\x94\x85", "/%93quoted%94%85"),
            (b"/\xa0\x85.jpg", "/%A0%85.jpg"),
            (b"/\xed\xa0\x80", "/%ED%A0%80"),
            (b"?q", "/d/a.jpg?q"),
            (b"./c/../b.jpg", "/d/b.jpg"),
            (b"/" + b"b" * 8_000, "/" + "b" * 8_000),
        ],
    )
    def test_is_followed_as_browsers_do(
        self, web: Web, fetch: Fetch, location: bytes, sent: str
    ) -> None:
        """
        Bytes are sent on as bytes: Chromium and Firefox go to `/%E9` for a Latin-1 letter.

        Seen in https://github.com/sveltejs/kit/pull/16065; UTF-8 in the wild in
        https://github.com/sagebind/isahc/issues/315 and https://github.com/Norconex/crawler/issues/199;
        what is unlike in browsers in https://github.com/whatwg/fetch/issues/883.
        """
        moved = web.add("/d/a.jpg", status=302, Location=location.decode("latin-1"))
        web.add(sent, PICTURE)

        stored = only(fetch(moved))

        assert (stored.outcome, stored.final_url) == (Outcome.stored, web.url(sent))
        assert web.requests[sent] == 1

    def test_may_name_its_host(self, web: Web, fetch: Fetch) -> None:
        moved = web.add("/a.jpg", status=302, Location=f"//web.localhost:{web.port}/b c.jpg")
        web.add("/b%20c.jpg", PICTURE)

        assert only(fetch(moved)).outcome == Outcome.stored

    @pytest.mark.parametrize(
        ("lines", "outcome"),
        [
            (b"Location:\r\nLocation: /b.jpg\r\n", Outcome.stored),
            (b"Location: /b.jpg\r\nlocation: /b.jpg\r\n", Outcome.stored),
            (b"Location: /b.jpg\r\nLocation: /c.jpg\r\n", Outcome.connect_error),
        ],
    )
    def test_may_come_twice_if_both_say_the_same(
        self, web: Web, fetch: Fetch, lines: bytes, outcome: Outcome
    ) -> None:
        """
        Browsers and libcurl agree (https://github.com/curl/curl/issues/19130).

        An nginx module doubles the header (https://github.com/jnunemaker/httparty/issues/478).
        """
        web.pages["/a.jpg"] = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" + lines + b"\r\n"
        web.add("/b.jpg", PICTURE)

        assert only(fetch(web.url("/a.jpg"))).outcome == outcome
        assert web.requests["/c.jpg"] == 0

    @pytest.mark.parametrize(
        "location",
        [
            "",
            "http:///b.jpg",
            "///b.jpg",
            "//web .localhost/b.jpg",
            "//we\xe9b.localhost/b.jpg",
            "//web.loc\talhost/b.jpg",
            r"\\web.localhost\b.jpg",
            r"/\web.localhost/b.jpg",
            r"http:\\web.localhost\b.jpg",
            "http://web.localhost@other.localhost/b.jpg",
            "/" + "b" * 8_300,
        ],
    )
    def test_leads_nowhere_when_its_host_is_odd(
        self, web: Web, fetch: Fetch, location: str
    ) -> None:
        refused = only(fetch(web.add("/a.jpg", status=302, Location=location)))

        assert refused.outcome == Outcome.invalid_url
        assert set(web.requests) == {"/robots.txt", "/.well-known/tdmrep.json", "/a.jpg"}

    def test_is_judged_by_robots_txt_as_it_is_sent(self, web: Web, fetch: Fetch) -> None:
        web.add("/robots.txt", b"User-agent: *\nDisallow: /my%20cats/")
        moved = web.add("/a.jpg", status=302, Location="/my cats/1.jpg")

        refused = fetch(moved, web.url("/open/../my cats/2.jpg"), policy=FetchPolicy(tdmrep=False))

        assert refused.counts == {Outcome.refused_robots: 2}
        assert set(web.requests) == {"/robots.txt", "/a.jpg"}
