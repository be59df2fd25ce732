"""Brave Search: pictures of the web, without licences. https://api.search.brave.com"""

from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import BaseModel

from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.sources.shapes import Inner, Items, Text, Whole, page_of
from crawlset.wire.searches import SearchRequest

BASE = "https://api.search.brave.com"
COUNT = 200
"""All there are: the search has no second page."""
MAX_QUERY = 400
MAX_WORDS = 50


class _Properties(BaseModel):
    url: Text = None
    width: Whole = None
    height: Whole = None


class _Result(BaseModel):
    title: Text = None
    url: Text = None
    properties: Inner[_Properties] = _Properties()


class _Answer(BaseModel):
    results: Items = []


def search(
    request: SearchRequest,
    *,
    client: httpx.Client,
    settings: SourceSettings,
    cursor: Any = None,  # noqa: ARG001 - there is one page only
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
    page = page_of(answer.results, _Result, _candidates)
    page.total = len(page)
    yield page


def _candidates(result: _Result) -> Iterator[Candidate]:
    if result.properties.url is None:
        return
    yield Candidate(
        url=result.properties.url,
        landing_url=result.url,
        title=result.title,
        width=result.properties.width,
        height=result.properties.height,
    )
