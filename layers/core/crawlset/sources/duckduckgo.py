"""The pictures among DuckDuckGo's answers; SerpApi has no search for pictures alone."""

from collections.abc import Iterator
from typing import Any

import httpx

from crawlset.settings import SourceSettings
from crawlset.sources import serpapi
from crawlset.sources.protocol import CandidatePage
from crawlset.wire.searches import SearchRequest

ENGINE = serpapi.SearchEngine("duckduckgo", "duckduckgo", lambda *_: {}, max_pages=1)


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """The few on the first page."""
    return serpapi.search(ENGINE, request, client=client, settings=settings, cursor=cursor)
