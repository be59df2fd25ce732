"""The sample site of a laptop, through its search API."""

from collections.abc import Iterator

import httpx
from pydantic import BaseModel

from crawlset import licences
from crawlset.settings import SourceSettings
from crawlset.sources.answers import get_json
from crawlset.sources.asking import shaped
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.searches import SearchRequest

PAGE_SIZE = 50


class _Hit(BaseModel):
    url: str
    title: str | None = None
    author: str | None = None
    licence: str | None = None
    licence_url: str | None = None
    landing_url: str | None = None
    width: int | None = None
    height: int | None = None


class _Answer(BaseModel):
    page: int
    page_size: int
    total: int
    results: list[_Hit]


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings
) -> Iterator[CandidatePage]:
    """Every picture the sample site knows for the keyword, 50 a page."""
    address = f"{settings.sample_source_url.rstrip('/')}/search"
    n_seen, total, number = 0, 1, 1
    while n_seen < total:
        answer = _ask(client, address, request.keyword or "", number)
        if not answer.results:
            return
        yield CandidatePage(map(_candidate, answer.results), total=answer.total)
        n_seen += len(answer.results)
        total = answer.total
        number += 1


def _ask(client: httpx.Client, address: str, keyword: str, number: int) -> _Answer:
    params: dict[str, str | int] = {"q": keyword, "page": number, "page_size": PAGE_SIZE}
    return shaped("sample", get_json("sample", client, address, params), _Answer)


def _candidate(hit: _Hit) -> Candidate:
    return Candidate(
        url=hit.url,
        landing_url=hit.landing_url,
        licence=licences.normalise(hit.licence) or licences.normalise(hit.licence_url),
        licence_raw=hit.licence or hit.licence_url,
        creator=hit.author,
        title=hit.title,
        width=hit.width,
        height=hit.height,
    )
