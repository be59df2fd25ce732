"""What the fetch engine is told not to take, and does not."""

import pytest

from crawlset.outcomes import Outcome
from crawlset.wire.chunks import ChunkUrl, Known
from tests.integration.fetching.chunk_fetch import Fetch, only, trickle
from tests.integration.web_server import Web
from tests.unit.imaging import pictures


class TestRefusals:
    def test_asks_once_for_a_noai_image_and_reads_no_body(self, web: Web, fetch: Fetch) -> None:
        url = web.add("/a.jpg", pictures.jpeg(), X_Robots_Tag="noai, noimageai")

        result = fetch(url)

        refused = only(result)
        assert refused.outcome == Outcome.refused_noai
        assert refused.file_size is None
        assert result.n_bytes_fetched == 0
        assert web.requests["/a.jpg"] == 1

    def test_hangs_up_on_an_endless_body_that_opts_out(self, web: Web, fetch: Fetch) -> None:
        head = b"HTTP/1.1 200 OK\r\ntdm-reservation: 1\r\n\r\n"
        web.pages["/a.jpg"] = trickle(head, bytes(1000), 0)

        assert only(fetch(web.url("/a.jpg"))).outcome == Outcome.refused_tdm

    def test_never_asks_for_what_robots_txt_forbids(self, web: Web, fetch: Fetch) -> None:
        web.add("/robots.txt", b"User-agent: crawlset\nDisallow: /private/")
        urls = [web.add(f"/private/{n}.jpg", pictures.jpeg()) for n in range(3)]
        urls.append(web.url("/open/../private/0.jpg"))

        result = fetch(*urls)

        assert result.counts == {"refused_robots": 4}
        assert web.requests == {"/robots.txt": 1}

    def test_never_asks_for_what_tdmrep_json_reserves(self, web: Web, fetch: Fetch) -> None:
        web.add("/.well-known/tdmrep.json", b'[{"location": "/art/*", "tdm-reservation": 1}]')

        result = fetch(web.add("/art/a.jpg", pictures.jpeg()), web.add("/a.jpg", pictures.jpeg()))

        assert [o.outcome for o in result.outcomes] == [Outcome.refused_tdm, Outcome.stored]
        assert web.requests["/art/a.jpg"] == 0
        assert web.requests["/.well-known/tdmrep.json"] == 1

    def test_asks_the_host_it_is_sent_to_as_well(self, web: Web, fetch: Fetch) -> None:
        web.add("other/robots.txt", b"User-agent: *\nDisallow: /")
        web.add("other/b.jpg", pictures.jpeg())
        url = web.add("/a.jpg", status=302, Location=web.url("/b.jpg", "other"))

        refused = only(fetch(url))

        assert refused.outcome == Outcome.refused_robots
        assert refused.evidence["redirects"] == [{"status": 302, "to": web.url("/b.jpg", "other")}]
        assert web.requests["/b.jpg"] == 0

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_takes_a_robots_txt_it_cannot_have_for_a_no(
        self, web: Web, fetch: Fetch, status: int
    ) -> None:
        web.add("/robots.txt", status=status)

        refused = only(fetch(web.add("/a.jpg", pictures.jpeg())))

        assert refused.outcome == Outcome.refused_robots
        assert refused.detail == f"robots.txt: unreachable: HTTP {status}"
        assert web.requests["/a.jpg"] == 0

    @pytest.mark.parametrize("status", [401, 403, 404, 410])
    def test_takes_a_robots_txt_that_is_not_there_for_a_yes(
        self, web: Web, fetch: Fetch, status: int
    ) -> None:
        web.add("/robots.txt", status=status)

        assert only(fetch(web.add("/a.jpg", pictures.jpeg()))).outcome == Outcome.stored

    def test_follows_a_robots_txt_that_moved(self, web: Web, fetch: Fetch) -> None:
        web.add("/robots.txt", status=301, Location="/moved/robots.txt")
        web.add("/moved/robots.txt", b"User-agent: *\nDisallow: /")

        assert only(fetch(web.add("/a.jpg"))).outcome == Outcome.refused_robots

    def test_reads_the_first_500_kib_of_a_robots_txt(self, web: Web, fetch: Fetch) -> None:
        rules = b"User-agent: *\nDisallow: /first/\n" + b"# padding\n" * 60_000
        web.add("/robots.txt", rules + b"Disallow: /last/\n")
        urls = web.add("/first/a.jpg"), web.add("/last/a.jpg", pictures.jpeg())

        outcomes = fetch(*urls).outcomes

        assert [o.outcome for o in outcomes] == [Outcome.refused_robots, Outcome.stored]

    def test_hears_a_304_that_opts_out(self, web: Web, fetch: Fetch) -> None:
        url = web.add("/a.jpg", status=304, tdm_reservation="1")

        refused = only(fetch(ChunkUrl(0, url, known=Known(etag='"a"'))))

        assert (refused.outcome, refused.change) == (Outcome.refused_tdm, None)
