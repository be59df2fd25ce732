"""The adapters of web searches, on answers in their real shape."""

from typing import Any

import httpx
import pytest

from crawlset.errors import SourceRefusedError, SourceThrottledError
from crawlset.settings import SourceSettings
from crawlset.sources import google
from crawlset.sources.protocol import Candidate
from crawlset.wire.searches import IntendedUse, SearchRequest
from tests.unit.sources import source_answers
from tests.unit.sources.fake_source import FakeSource


class TestThroughSerpApi:
    fake = staticmethod(source_answers.serpapi)

    @pytest.mark.parametrize("name", ["google", "bing"])
    @pytest.mark.parametrize(("total", "sizes"), [(0, []), (100, [100]), (201, [100, 100, 1])])
    def test_asks_until_there_is_nothing(self, name: str, total: int, sizes: list[int]) -> None:
        pages = self.fake(name, total, 100).search()

        assert [len(page) for page in pages] == sizes
        urls = [candidate.url for page in pages for candidate in page]
        assert len(set(urls)) == total

    def test_goes_no_deeper_than_ten_pages_of_google(self) -> None:
        fake = self.fake("google", 100_000, 100)

        assert len(fake.search()) == 10
        assert fake.params("ijn") == [str(number) for number in range(10)]

    def test_names_the_engine_and_shows_the_key(self) -> None:
        fake = self.fake("bing", 1, 35)
        fake.search()

        assert fake.params("engine") == ["bing_images"] * 2
        assert fake.params("first") == ["1", "2"]
        assert fake.params("api_key")[0] == "p-key"

    def test_tells_what_it_knows_of_a_picture(self) -> None:
        [[candidate]] = self.fake("bing", 1, 35).search()

        assert candidate == Candidate(
            url="https://images.example.org/0.jpg",
            landing_url="https://www.example.org/0",
            title="A cat & co",
            width=800,
            height=600,
        )

    def test_knows_the_licence_that_a_page_links_to(self) -> None:
        address = "https://creativecommons.org/licenses/by/4.0/"
        [[candidate]] = self.fake("google", 1, 100, license_details_url=address).search()

        assert (candidate.licence, candidate.licence_raw) == ("cc-by-4.0", address)

    def test_leaves_out_what_has_no_original(self) -> None:
        assert self.fake("google", 1, 100, original=None).search() == []

    def test_takes_the_pictures_among_other_answers(self) -> None:
        inline = {
            "position": 1,
            "title": "Cat",
            "link": "https://www.example.org/c",
            "thumbnail": "https://t.test/c",
            "image": "https://images.example.org/c.jpg",
        }
        found = {"organic_results": [{"title": "Cat"}], "inline_images": [inline]}

        [[candidate]] = FakeSource("duckduckgo", lambda *_: found).search()

        assert candidate.url == "https://images.example.org/c.jpg"
        assert candidate.landing_url == "https://www.example.org/c"

    def test_is_refused_in_an_answer_of_200(self) -> None:
        failed = {"error": "Unsupported `zz` country."}

        with pytest.raises(SourceRefusedError, match="Unsupported"):
            FakeSource("bing", lambda *_: failed).search()

    def test_tells_that_no_searches_are_left(self) -> None:
        """No waiting brings them back: https://github.com/serpapi/serpapi-python."""
        spent = httpx.Response(429, json={"error": "Your account has run out of searches."})

        with pytest.raises(SourceRefusedError, match="no searches left"):
            FakeSource("bing", lambda *_: spent).search()

    def test_waits_when_asked_too_often(self) -> None:
        often = httpx.Response(429, json={"error": "You have exceeded your hourly throughput."})

        with pytest.raises(SourceThrottledError):
            FakeSource("bing", lambda *_: often).search()

    def test_names_the_page_where_bing_names_its_viewer(self) -> None:
        [[candidate]] = self.fake(
            "bing",
            1,
            35,
            link="https://www.bing.com/images/search?view=detailV2&id=1",
            source="https://blog.example.org/cats",
            original_width=None,
            original_height=None,
            size="1920x1080 · jpeg",
        ).search()

        assert candidate.landing_url == "https://blog.example.org/cats"
        assert (candidate.width, candidate.height) == (1920, 1080)


class TestGoogle:
    SETTINGS = SourceSettings(google_key="g-key", google_engine_key="engine")

    def search(self, total: int, **fields: Any) -> tuple[list[list[Candidate]], list[str]]:
        """Every page, and where each was asked to start."""
        asked: list[str] = []

        def respond(request: httpx.Request) -> httpx.Response:
            params = request.url.params
            asked.append(params["start"])
            assert (params["key"], params["cx"]) == ("g-key", "engine")
            start = int(params["start"])
            numbers = range(start, min(start + 10, total + 1))
            item = {
                "kind": "customsearch#result",
                "title": "A <b>cat</b>",
                "mime": "image/jpeg",
                "image": {
                    "contextLink": "https://www.example.org/cat",
                    "height": 600,
                    "width": 800,
                    "byteSize": 1000,
                },
            }
            items = [item | {"link": f"https://i.test/{n}.jpg"} | fields for n in numbers]
            more = {"nextPage": [{"startIndex": start + 10}]} if start + 10 <= total else {}
            body = {
                "kind": "customsearch#search",
                "queries": {"request": [{"count": len(items)}], **more},
                "searchInformation": {"totalResults": str(total)},
            }
            return httpx.Response(200, json=body | ({"items": items} if items else {}))

        request = SearchRequest(
            source="google", keyword="cat", limit=1_000, intended_use=IntendedUse.research
        )
        with httpx.Client(transport=httpx.MockTransport(respond)) as client:
            pages = list(google.search(request, client=client, settings=self.SETTINGS))
        return [list(page) for page in pages if page], asked

    @pytest.mark.parametrize(
        ("total", "sizes"), [(0, []), (10, [10]), (21, [10, 10, 1]), (5_000, [10] * 10)]
    )
    def test_asks_its_own_api_for_a_hundred_at_most(self, total: int, sizes: list[int]) -> None:
        pages, asked = self.search(total)

        assert [len(page) for page in pages] == sizes
        assert asked == [str(1 + 10 * number) for number in range(max(len(sizes), 1))]

    def test_tells_what_it_knows_of_a_picture(self) -> None:
        [[candidate]], _ = self.search(1)

        assert candidate == Candidate(
            url="https://i.test/1.jpg",
            landing_url="https://www.example.org/cat",
            title="A cat",
            width=800,
            height=600,
        )
