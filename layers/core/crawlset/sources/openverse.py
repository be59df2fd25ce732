"""Openverse: openly licensed works of many collections. https://api.openverse.org/v1/"""

from collections.abc import Iterator

import httpx
from pydantic import BaseModel

from crawlset import licences
from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.searches import SearchRequest

BASE = "https://api.openverse.org"
PAGE_SIZE = 20
"""More is refused (401) without a registered application."""
MAX_PAGES = 12
"""240 works a query are all there are."""
GAP_SECONDS = 1.0
MAX_QUERY = 200
CODES = {
    "cc0": "cc0",
    "pdm": "pdm",
    "cc-by": "by",
    "cc-by-sa": "by-sa",
    "cc-by-nc": "by-nc",
    "cc-by-nd": "by-nd",
    "cc-by-nc-sa": "by-nc-sa",
    "cc-by-nc-nd": "by-nc-nd",
}
"""What Openverse calls the families of licences."""


class _Work(BaseModel):
    url: str
    title: str | None = None
    foreign_landing_url: str | None = None
    creator: str | None = None
    license: str | None = None
    license_version: str | None = None
    license_url: str | None = None
    attribution: str | None = None
    width: int | None = None
    height: int | None = None


class _Answer(BaseModel):
    result_count: int = 0
    page_count: int
    results: list[_Work]


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings
) -> Iterator[CandidatePage]:
    """The first 240 works that match, licence included, 20 a page."""
    only = _filter(request)
    if only is None:
        return
    asker = Asker("openverse", client, gap_seconds=GAP_SECONDS)
    address = f"{settings.base_of('openverse', BASE)}/v1/images/"
    query: dict[str, str | int] = {"q": (request.keyword or "")[:MAX_QUERY], "page_size": PAGE_SIZE}
    for number in range(1, MAX_PAGES + 1):
        answer = asker.get(address, query | only | {"page": number}, _Answer)
        if answer.results:
            yield CandidatePage(map(_candidate, answer.results), total=answer.result_count)
        if not answer.results or number >= answer.page_count:
            return


def _filter(request: SearchRequest) -> dict[str, str] | None:
    """The parameter that leaves other licences out; None if nothing there can be wanted."""
    wanted = licences.wanted_families(request.licences)
    if wanted is None:
        return {}
    codes = sorted(CODES[name] for name in wanted if name in CODES)
    return {"license": ",".join(codes)} if codes else None


def _candidate(work: _Work) -> Candidate:
    return Candidate(
        url=work.url,
        landing_url=work.foreign_landing_url,
        licence=licences.normalise(work.license_url)
        or licences.normalise(work.license, work.license_version),
        licence_raw=work.license_url or work.license,
        creator=work.creator,
        attribution=work.attribution,
        title=work.title,
        width=work.width,
        height=work.height,
    )
