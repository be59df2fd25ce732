"""
Google's image search: by the Programmable Search JSON API, or else through SerpApi.

The JSON API is closed to new customers and ends on 2027-01-01.
https://developers.google.com/custom-search/v1/overview
"""

from collections.abc import Iterator

import httpx
from pydantic import BaseModel

from crawlset.settings import SourceSettings
from crawlset.sources import serpapi
from crawlset.sources.asking import Asker
from crawlset.sources.markup import text_of
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.searches import SearchRequest

BASE = "https://www.googleapis.com"
PAGE_SIZE = 10
MAX_DEPTH = 100
GAP_SECONDS = 1.0
THROUGH_SERPAPI = serpapi.SearchEngine(
    "google", "google_images", lambda number, _: {"ijn": number}, max_pages=10
)


class _Picture(BaseModel):
    contextLink: str | None = None  # noqa: N815 - as Google has it
    width: int | None = None
    height: int | None = None


class _Item(BaseModel):
    link: str
    title: str | None = None
    image: _Picture = _Picture()


class _Queries(BaseModel):
    nextPage: list[object] = []  # noqa: N815


class _Information(BaseModel):
    totalResults: int = 0  # noqa: N815


class _Answer(BaseModel):
    items: list[_Item] = []
    queries: _Queries = _Queries()
    searchInformation: _Information = _Information()  # noqa: N815


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings
) -> Iterator[CandidatePage]:
    """The first 100 pictures, 10 a page; through SerpApi a hundred a page, ten pages at most."""
    if not settings.google_key.get_secret_value():
        yield from serpapi.search(THROUGH_SERPAPI, request, client=client, settings=settings)
        return
    asker = Asker("google", client, gap_seconds=GAP_SECONDS)
    address = f"{settings.base_of('google', BASE)}/customsearch/v1"
    for start in range(1, MAX_DEPTH, PAGE_SIZE):
        answer = asker.get(
            address,
            {
                "key": settings.google_key.get_secret_value(),
                "cx": settings.google_engine_key.get_secret_value(),
                "q": request.keyword or "",
                "searchType": "image",
                "safe": "active",
                "num": PAGE_SIZE,
                "start": start,
            },
            _Answer,
        )
        if answer.items:
            yield CandidatePage(
                map(_candidate, answer.items), total=answer.searchInformation.totalResults
            )
        if not answer.queries.nextPage:
            return


def _candidate(item: _Item) -> Candidate:
    return Candidate(
        url=item.link,
        landing_url=item.image.contextLink,
        title=text_of(item.title),
        width=item.image.width,
        height=item.image.height,
    )
