"""
The Library of Congress: photos, prints and drawings.

https://www.loc.gov/apis/json-and-yaml/responses/search-results/
"""

import re
from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import BaseModel

from crawlset import licences
from crawlset.errors import SourceThrottledError
from crawlset.settings import SourceSettings
from crawlset.sources.answers import NotJsonError
from crawlset.sources.asking import Asker
from crawlset.sources.markup import text_of
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.sources.shapes import Items, Part, Text, Texts, Truth, Whole, page_of
from crawlset.wire.searches import SearchRequest

NAME = "library_of_congress"
BASE = "https://www.loc.gov"
PAGE_SIZE = 100
MAX_DEPTH = 100_000
"""https://www.loc.gov/apis/json-and-yaml/working-within-limits/"""
GAP_SECONDS = 3.5
"""Its strictest limit is 20 questions a minute; others are for some of its addresses only."""
BLOCK_SECONDS = 3_600.0
"""How long it shuts out who asks more often."""
PICTURES = (".jpg", ".jpeg", ".png", ".webp")
"""Beside them are thumbnails that are GIFs, and SVGs that stand for a kind of thing."""
_SIZE = re.compile(r"h=(\d{1,6})&w=(\d{1,6})")


class _Item(BaseModel):
    title: Text = None
    contributors: Texts = []
    rights_advisory: Text = None
    rights_information: Text = None


class _Result(BaseModel):
    """What a search knows of a thing; `item` is as the thing's own page has it."""

    id: Text = None
    url: Text = None
    title: Text = None
    contributor: Texts = []
    original_format: Texts = []
    access_restricted: Truth = False
    image_url: Texts = []
    rights_advisory: Text = None
    rights: Text = None
    item: Part[_Item] = _Item()


class _Pagination(BaseModel):
    of: Whole = None
    """How many things there are."""
    total: Whole = None
    """How many pages there are."""


class _Answer(BaseModel):
    pagination: Part[_Pagination] = _Pagination()
    results: Items


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """
    The largest picture of each thing that matches, 100 a page, to a depth of 100,000.

    The cursor is the number of a page.
    """
    asker = Asker(
        NAME,
        client,
        gap_seconds=GAP_SECONDS,
        shut_out_seconds=BLOCK_SECONDS,
        wait_seconds=BLOCK_SECONDS,
    )
    address = f"{settings.base_of(NAME, BASE)}/photos/"
    number: int | None = cursor or 1
    while number is not None:
        answer = _ask(asker, address, request.keyword or "", number)
        n_pages = min(answer.pagination.total or 0, MAX_DEPTH // PAGE_SIZE)
        number = number + 1 if number < n_pages else None
        yield page_of(
            answer.results, _Result, _candidates, total=answer.pagination.of, cursor=number
        )


def _ask(asker: Asker, address: str, keyword: str, number: int) -> _Answer:
    """Who is taken for a robot is shown a page with a riddle, which is HTML."""
    try:
        return asker.get(
            address,
            {
                "q": keyword,
                "fa": "online-format:image",
                "fo": "json",
                "at": "results,pagination",
                "c": PAGE_SIZE,
                "sp": number,
            },
            _Answer,
        )
    except NotJsonError as error:
        if not error.is_html:
            raise
        raise SourceThrottledError(NAME, BLOCK_SECONDS) from error


def _candidates(result: _Result) -> Iterator[Candidate]:
    """Outside its reading rooms, what is restricted is shown as a thumbnail only."""
    # The largest is the last, where none says its size.
    found = [picture for address in reversed(result.image_url) if (picture := _picture(address))]
    if not found or result.access_restricted or "collection" in result.original_format:
        return
    url, width, height = max(found, key=lambda picture: (picture[1] or 0) * (picture[2] or 0))
    item = result.item
    stated = (item.rights_advisory, item.rights_information, result.rights_advisory, result.rights)
    said = next((text for text in map(text_of, stated) if text), None)
    yield Candidate(
        url=url,
        landing_url=_with_scheme(result.url or result.id),
        licence=licences.normalise(said),
        licence_raw=said,
        creator=next(iter((*item.contributors, *result.contributor)), None),
        title=item.title or result.title,
        width=width,
        height=height,
    )


def _picture(address: str) -> tuple[str, int | None, int | None] | None:
    """The address, width and height in "//tile.loc.gov/…v.jpg#h=1024&w=801"."""
    url, _, fragment = address.partition("#")
    if not url.lower().endswith(PICTURES):
        return None
    size = _SIZE.match(fragment)
    height, width = (int(size[1]), int(size[2])) if size else (None, None)
    return _with_scheme(url) or url, width, height


def _with_scheme(address: str | None) -> str | None:
    return f"https:{address}" if address and address.startswith("//") else address
