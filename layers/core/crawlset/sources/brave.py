"""Brave Search: pictures of the web, without licences. https://api.search.brave.com"""

from collections.abc import Iterator

import httpx
from pydantic import BaseModel

from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.searches import SearchRequest

BASE = "https://api.search.brave.com"
COUNT = 200
"""All there are: the search has no second page."""
MAX_QUERY = 400
MAX_WORDS = 50


class _Properties(BaseModel):
    url: str | None = None
    width: int | None = None
    height: int | None = None


class _Result(BaseModel):
    title: str | None = None
    url: str | None = None
    properties: _Properties = _Properties()


class _Answer(BaseModel):
    results: list[_Result] = []


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings
) -> Iterator[CandidatePage]:
    """The 200 pictures that match best, on one page."""
    asker = Asker(
        "brave",
        client,
        headers={"X-Subscription-Token": settings.brave_key.get_secret_value()},
    )
    words = (request.keyword or "").split()[:MAX_WORDS]
    answer = asker.get(
        f"{settings.base_of('brave', BASE)}/res/v1/images/search",
        {
            "q": " ".join(words)[:MAX_QUERY],
            "count": min(COUNT, request.limit),
            "safesearch": "strict",
        },
        _Answer,
    )
    page = CandidatePage(
        Candidate(
            url=result.properties.url,
            landing_url=result.url,
            title=result.title,
            width=result.properties.width,
            height=result.properties.height,
        )
        for result in answer.results
        if result.properties.url
    )
    page.total = len(page)
    if page:
        yield page
