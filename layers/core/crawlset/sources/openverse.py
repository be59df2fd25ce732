"""Openverse: openly licensed works of many collections. https://api.openverse.org/v1/"""

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

BASE = "https://api.openverse.org"
MAX_DEPTH = 240
"""Works a query that there are in all."""
PAGE_SIZE, REGISTERED_PAGE_SIZE = 20, 48
"""More than 20 is refused (401) without a registered application, more than 50 with one."""
GAP_SECONDS, REGISTERED_GAP_SECONDS = 3.0, 0.6
"""Without an application 20 questions a minute and 200 a day, with one 100 and 10,000."""
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
    url: Address
    title: Text = None
    foreign_landing_url: Text = None
    creator: Text = None
    license: Text = None
    license_version: Text = None
    license_url: Text = None
    attribution: Text = None
    width: Whole = None
    height: Whole = None


class _Answer(BaseModel):
    result_count: Whole = None
    page_count: Whole = None
    results: Items


class _Token(BaseModel):
    access_token: str


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """The first 240 works that match, licence included: 20 a page, 48 for an application."""
    only = _filter(request)
    if only is None:
        return
    base = settings.base_of("openverse", BASE)
    is_registered = settings.openverse_client_id.get_secret_value() != ""
    page_size = REGISTERED_PAGE_SIZE if is_registered else PAGE_SIZE
    asker = Asker(
        "openverse",
        client,
        gap_seconds=REGISTERED_GAP_SECONDS if is_registered else GAP_SECONDS,
        headers=_authorization(base, client, settings) if is_registered else None,
    )
    query: dict[str, str | int] = {"q": (request.keyword or "")[:MAX_QUERY], "page_size": page_size}
    for number in range(cursor or 1, MAX_DEPTH // page_size + 1):
        answer = asker.get(f"{base}/v1/images/", query | only | {"page": number}, _Answer)
        n_pages = min(answer.page_count or 0, MAX_DEPTH // page_size)
        is_last = not answer.results or number >= n_pages
        page = page_of(
            answer.results,
            _Work,
            _candidates,
            total=answer.result_count,
            cursor=None if is_last else number + 1,
        )
        page.allowance = asker.allowance
        yield page
        if is_last:
            return


def _authorization(base: str, client: httpx.Client, settings: SourceSettings) -> dict[str, str]:
    """A token of the OAuth 2 application; one lasts for twelve hours, longer than any search."""
    asker = Asker("openverse", client)
    token = asker.post(
        f"{base}/v1/auth_tokens/token/",
        {
            "grant_type": "client_credentials",
            "client_id": settings.openverse_client_id.get_secret_value(),
            "client_secret": settings.openverse_client_secret.get_secret_value(),
        },
        _Token,
    )
    return {"Authorization": f"Bearer {token.access_token}"}


def _filter(request: SearchRequest) -> dict[str, str] | None:
    """The parameter that leaves other licences out; None if nothing there can be wanted."""
    wanted = licences.wanted_families(request.licences)
    if wanted is None:
        return {}
    codes = sorted(CODES[name] for name in wanted if name in CODES)
    return {"license": ",".join(codes)} if codes else None


def _candidates(work: _Work) -> Iterator[Candidate]:
    yield Candidate(
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
