"""The sample site of a laptop, through its search API."""

from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import BaseModel

from crawlset import licences
from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.sources.shapes import Address, Items, Text, Whole, page_of
from crawlset.wire.searches import SearchRequest

PAGE_SIZE = 50


class _Hit(BaseModel):
    url: Address
    title: Text = None
    author: Text = None
    licence: Text = None
    licence_url: Text = None
    landing_url: Text = None
    width: Whole = None
    height: Whole = None


class _Answer(BaseModel):
    total: Whole = None
    results: Items


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """Every picture the sample site knows for the keyword, 50 a page."""
    asker = Asker("sample", client)
    address = f"{settings.sample_source_url.rstrip('/')}/search"
    query: dict[str, str | int] = {"q": request.keyword or "", "page_size": PAGE_SIZE}
    number: int | None = cursor or 1
    while number is not None:
        answer = asker.get(address, query | {"page": number}, _Answer)
        is_last = not answer.results or number * PAGE_SIZE >= (answer.total or 0)
        number = None if is_last else number + 1
        yield page_of(answer.results, _Hit, _candidates, total=answer.total, cursor=number)


def _candidates(hit: _Hit) -> Iterator[Candidate]:
    yield Candidate(
        url=hit.url,
        landing_url=hit.landing_url,
        licence=licences.normalise(hit.licence) or licences.normalise(hit.licence_url),
        licence_raw=hit.licence or hit.licence_url,
        creator=hit.author,
        title=hit.title,
        width=hit.width,
        height=hit.height,
    )
