"""
Google's image search: by the Programmable Search JSON API, or else through SerpApi.

The JSON API is closed to new customers and ends on 2027-01-01.
https://developers.google.com/custom-search/v1/overview
"""

from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import BaseModel

from crawlset.settings import SourceSettings
from crawlset.sources import serpapi
from crawlset.sources.asking import Asker
from crawlset.sources.markup import text_of
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.sources.shapes import Address, Inner, Items, Text, Whole, page_of
from crawlset.wire.searches import SearchRequest

BASE = "https://www.googleapis.com"
PAGE_SIZE = 10
MAX_DEPTH = 100
GAP_SECONDS = 1.0
THROUGH_SERPAPI = serpapi.SearchEngine(
    "google", "google_images", lambda number, _: {"ijn": number}, max_pages=10
)


class _Picture(BaseModel):
    contextLink: Text = None  # noqa: N815 - as Google has it
    width: Whole = None
    height: Whole = None


class _Item(BaseModel):
    link: Address
    title: Text = None
    image: Inner[_Picture] = _Picture()


class _Queries(BaseModel):
    nextPage: Items = []  # noqa: N815


class _Information(BaseModel):
    totalResults: Whole = None  # noqa: N815


class _Answer(BaseModel):
    items: Items = []
    queries: Inner[_Queries] = _Queries()
    searchInformation: Inner[_Information] = _Information()  # noqa: N815


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """The first 100 pictures, 10 a page; through SerpApi a hundred a page, ten pages at most."""
    if not settings.google_key.get_secret_value():
        yield from serpapi.search(
            THROUGH_SERPAPI, request, client=client, settings=settings, cursor=cursor
        )
        return
    asker = Asker("google", client, gap_seconds=GAP_SECONDS)
    address = f"{settings.base_of('google', BASE)}/customsearch/v1"
    for start in range(cursor or 1, MAX_DEPTH, PAGE_SIZE):
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
        following = start + PAGE_SIZE
        is_last = not answer.queries.nextPage or following > MAX_DEPTH
        yield page_of(
            answer.items,
            _Item,
            _candidates,
            total=answer.searchInformation.totalResults,
            cursor=None if is_last else following,
        )
        if is_last:
            return


def _candidates(item: _Item) -> Iterator[Candidate]:
    yield Candidate(
        url=item.link,
        landing_url=item.image.contextLink,
        title=text_of(item.title),
        width=item.image.width,
        height=item.image.height,
    )
