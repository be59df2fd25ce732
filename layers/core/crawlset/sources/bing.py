"""Bing's image search, through SerpApi: its own API ended in August 2025."""

from collections.abc import Iterator
from typing import Any

import httpx

from crawlset.settings import SourceSettings
from crawlset.sources import serpapi
from crawlset.sources.protocol import CandidatePage
from crawlset.wire.searches import SearchRequest

ENGINE = serpapi.SearchEngine(
    "bing", "bing_images", lambda _, n_seen: {"first": n_seen + 1}, max_pages=30
)


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """Page after page, 30 at most."""
    return serpapi.search(ENGINE, request, client=client, settings=settings, cursor=cursor)
