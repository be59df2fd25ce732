"""NASA's image library. https://images.nasa.gov/docs/images.nasa.gov_api_docs.pdf"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.sources.shapes import Address, Each, Inner, Items, Text, Whole, page_of
from crawlset.wire.searches import SearchRequest

BASE = "https://images-api.nasa.gov"
PAGE_SIZE = 100
MAX_DEPTH = 10_000
GAP_SECONDS = 0.5
ASSETS = "images-assets.nasa.gov"
"""Answers name it with http, and it has https."""
LARGE = ("~orig.", "~large.", "~medium.")
"""Parts of the names of an asset's files, the best first."""
PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".webp")


class _Facts(BaseModel):
    nasa_id: Address
    title: Text = None
    center: Text = None
    photographer: Text = None
    secondary_creator: Text = None


class _Link(BaseModel):
    href: Address
    width: Whole = None
    height: Whole = None


class _Item(BaseModel):
    data: Each[_Facts] = []
    links: Each[_Link] = []


class _Total(BaseModel):
    total_hits: Whole = None


class _Items(BaseModel):
    items: Items = []
    metadata: Inner[_Total] = _Total()


class _Found(BaseModel):
    collection: _Items


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """
    Pictures that match, 100 a page, in the largest rendition that browsers show.

    Most are in the public domain, but no answer says so of one picture: they have no licence.
    """
    asker = Asker("nasa", client, gap_seconds=GAP_SECONDS)
    base = settings.base_of("nasa", BASE)
    page_size = min(PAGE_SIZE, request.limit)
    for number in range(cursor or 1, MAX_DEPTH // page_size + 1):
        found = asker.get(
            f"{base}/search",
            {
                "q": request.keyword or "",
                "media_type": "image",
                "page": number,
                "page_size": page_size,
            },
            _Found,
        ).collection
        is_last = not found.items or number * page_size >= min(
            found.metadata.total_hits or 0, MAX_DEPTH
        )
        yield page_of(
            found.items,
            _Item,
            _candidates,
            total=found.metadata.total_hits,
            cursor=None if is_last else number + 1,
        )
        if is_last:
            return


def _candidates(item: _Item) -> Iterator[Candidate]:
    link = _best(item.links)
    if link is None or not item.data:
        return
    facts = item.data[0]
    yield Candidate(
        url=link.href.replace(f"http://{ASSETS}/", f"https://{ASSETS}/", 1),
        landing_url=f"https://images.nasa.gov/details/{quote(facts.nasa_id, safe='')}",
        creator=facts.photographer or facts.secondary_creator or facts.center,
        title=facts.title,
        width=link.width,
        height=link.height,
    )


def _best(links: list[_Link]) -> _Link | None:
    """The largest as its name says, else as its sides do: an original may be a TIFF."""
    pictures = [link for link in links if link.href.lower().endswith(PICTURES)]
    named = (link for part in LARGE for link in pictures if part in link.href)
    by_size = max(pictures, key=lambda link: link.width or 0, default=None)
    return next(named, by_size)
