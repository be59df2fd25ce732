"""
A source's API as httpx sees it, and a search of it from the first page to the last.

It has no answers of its own: each test gives them in the shape that its adapter's docstring cites.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import httpx

from crawlset.settings import SourceSettings
from crawlset.sources.protocol import Candidate
from crawlset.wire.searches import IntendedUse, SearchRequest

SETTINGS = SourceSettings(
    europeana_key="e-key",
    smithsonian_key="s-key",
    flickr_key="f-key",
    brave_key="b-key",
    serpapi_key="p-key",
)

Answers = Callable[[httpx.Request], httpx.Response]


@dataclass
class FakeSource:
    """Answers with JSON by path and parameters; keeps what it was asked."""

    name: str
    answer: Callable[[str, dict[str, str]], Any]
    asked: list[httpx.Request] = field(default_factory=list)

    def respond(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        found = self.answer(request.url.path, dict(request.url.params))
        return found if isinstance(found, httpx.Response) else httpx.Response(200, json=found)

    def search(
        self, keyword: str = "street cat", limit: int = 100_000, licences: tuple[str, ...] = ()
    ) -> list[list[Candidate]]:
        return search(self.name, self.respond, keyword, limit, licences)

    def params(self, name: str) -> list[str]:
        """What this parameter was, question by question."""
        return [str(request.url.params[name]) for request in self.asked]


def search(
    name: str,
    respond: Answers,
    keyword: str = "street cat",
    limit: int = 100_000,
    licences: tuple[str, ...] = (),
) -> list[list[Candidate]]:
    """Every page of the adapter of this name that has candidates."""
    request = SearchRequest(
        source=name,
        keyword=keyword,
        limit=limit,
        licences=licences,
        intended_use=IntendedUse.research,
    )
    with httpx.Client(transport=httpx.MockTransport(respond), trust_env=False) as client:
        adapter = import_module(f"crawlset.sources.{name}")
        pages = adapter.search(request, client=client, settings=SETTINGS)
        return [list(page) for page in pages if page]
