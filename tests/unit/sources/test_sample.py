from collections.abc import Callable
from typing import Any

import httpx
import pytest

from crawlset.errors import SourceError, SourceThrottledError
from crawlset.settings import SourceSettings
from crawlset.sources import sample
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.searches import IntendedUse, SearchRequest

REQUEST = SearchRequest(
    source="sample", keyword="street cat", limit=1000, intended_use=IntendedUse.research
)


def hit(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"photos-{number}",
        "url": f"http://photos.localhost:8490/pictures/{number}.jpg",
        "title": f"Cat {number}",
        "author": "Ada Sample",
        "licence": "CC BY 4.0",
        "licence_url": "https://creativecommons.org/licenses/by/4.0/",
        "landing_url": f"http://photos.localhost:8490/works/photos-{number}",
        "width": 640,
        "height": 480,
        "format": "jpeg",
        "keywords": ["street", "cat"],
    } | fields


class SampleSite:
    """Answers a search of `total` hits in the wire shape of the sample site."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.pages: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        page = int(request.url.params["page"])
        size = int(request.url.params["page_size"])
        self.pages.append(page)
        numbers = range((page - 1) * size, min(page * size, self.total))
        return httpx.Response(
            200,
            json={
                "query": request.url.params["q"],
                "page": page,
                "page_size": size,
                "total": self.total,
                "results": [hit(number) for number in numbers],
            },
        )


def pages_of(respond: Callable[[httpx.Request], httpx.Response]) -> list[CandidatePage]:
    client = httpx.Client(transport=httpx.MockTransport(respond))
    settings = SourceSettings(sample_source_url="http://127.0.0.1:8490/")
    return [page for page in sample.search(REQUEST, client=client, settings=settings) if page]


class TestSearch:
    @pytest.mark.parametrize(
        ("total", "sizes", "asked"),
        [
            (0, [], [1]),
            (1, [1], [1]),
            (50, [50], [1]),
            (51, [50, 1], [1, 2]),
            (130, [50, 50, 30], [1, 2, 3]),
        ],
    )
    def test_asks_for_every_page_and_no_more(
        self, total: int, sizes: list[int], asked: list[int]
    ) -> None:
        site = SampleSite(total)

        pages = pages_of(site)

        assert [len(page) for page in pages] == sizes
        assert site.pages == asked

    def test_asks_for_the_next_page_when_it_is_taken(self) -> None:
        site = SampleSite(200)
        client = httpx.Client(transport=httpx.MockTransport(site))
        settings = SourceSettings(sample_source_url="http://127.0.0.1:8490")
        pages = sample.search(REQUEST, client=client, settings=settings)

        next(pages)

        assert site.pages == [1]

    def test_sends_the_keyword_and_50_a_page(self) -> None:
        asked: list[httpx.URL] = []

        def respond(request: httpx.Request) -> httpx.Response:
            asked.append(request.url)
            return SampleSite(0)(request)

        pages_of(respond)

        assert str(asked[0]) == "http://127.0.0.1:8490/search?q=street+cat&page_size=50&page=1"

    def test_tells_what_the_site_knows_of_a_picture(self) -> None:
        [[candidate]] = pages_of(SampleSite(1))

        assert candidate == Candidate(
            url="http://photos.localhost:8490/pictures/0.jpg",
            landing_url="http://photos.localhost:8490/works/photos-0",
            licence="cc-by-4.0",
            licence_raw="CC BY 4.0",
            creator="Ada Sample",
            title="Cat 0",
            width=640,
            height=480,
        )

    def test_knows_a_licence_by_its_address_alone(self) -> None:
        [[candidate]] = pages_of(answer_with(hit(0, licence=None)))

        assert candidate.licence == "cc-by-4.0"
        assert candidate.licence_raw == "https://creativecommons.org/licenses/by/4.0/"

    def test_takes_a_picture_of_which_little_is_known(self) -> None:
        [[candidate]] = pages_of(answer_with({"id": "x", "url": "http://faults.localhost/x"}))

        assert candidate == Candidate(url="http://faults.localhost/x")

    def test_stops_when_the_total_promises_more_than_there_is(self) -> None:
        site = SampleSite(60)

        def respond(request: httpx.Request) -> httpx.Response:
            answer = site(request).json()
            return httpx.Response(200, json=answer | {"total": 1_000_000})

        assert [len(page) for page in pages_of(respond)] == [50, 10]
        assert site.pages == [1, 2, 3]

    def test_waits_when_throttled_on_a_later_page(self) -> None:
        site = SampleSite(200)

        def respond(request: httpx.Request) -> httpx.Response:
            if request.url.params["page"] == "2":
                return httpx.Response(429, headers={"Retry-After": "3"})
            return site(request)

        with pytest.raises(SourceThrottledError, match="sample asks to wait 3 s"):
            pages_of(respond)

    @pytest.mark.parametrize(
        ("answer", "where"),
        [
            ([], "another shape"),
            ({"page": 1, "page_size": 50, "total": 1}, "results"),
            ({"page": 1, "page_size": 50, "total": 1, "results": 7}, "results"),
        ],
    )
    def test_gives_up_on_another_shape(self, answer: object, where: str) -> None:
        with pytest.raises(SourceError, match=where):
            pages_of(lambda _: httpx.Response(200, json=answer))

    def test_gives_up_on_html(self) -> None:
        with pytest.raises(SourceError, match="text/html"):
            pages_of(lambda _: httpx.Response(200, html="<html>Sorry</html>"))


def answer_with(only_hit: dict[str, Any]) -> Callable[[httpx.Request], httpx.Response]:
    answer = {"query": "cat", "page": 1, "page_size": 50, "total": 1, "results": [only_hit]}
    return lambda _: httpx.Response(200, json=answer)
