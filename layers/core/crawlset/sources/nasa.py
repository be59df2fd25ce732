"""NASA's image library. https://images.nasa.gov/docs/images.nasa.gov_api_docs.pdf"""

from collections.abc import Iterator

import httpx
from pydantic import BaseModel

from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.searches import SearchRequest

BASE = "https://images-api.nasa.gov"
PAGE_SIZE = 100
MAX_DEPTH = 10_000
GAP_SECONDS = 0.2
ASSETS = "images-assets.nasa.gov"
"""Answers name it with http, and it has https."""
LARGE = ("~orig.", "~large.", "~medium.")
"""Parts of the names of an asset's files, the best first."""
PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".webp")


class _Facts(BaseModel):
    nasa_id: str
    title: str | None = None
    center: str | None = None
    photographer: str | None = None
    secondary_creator: str | None = None


class _Item(BaseModel):
    data: list[_Facts] = []


class _Total(BaseModel):
    total_hits: int = 0


class _Items(BaseModel):
    items: list[_Item] = []
    metadata: _Total = _Total()


class _Found(BaseModel):
    collection: _Items


class _File(BaseModel):
    href: str


class _Files(BaseModel):
    items: list[_File] = []


class _Asset(BaseModel):
    collection: _Files


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings
) -> Iterator[CandidatePage]:
    """
    Pictures that match, 100 a page; the file of each is a question of its own.

    Most are in the public domain, but no answer says so of one picture: they have no licence.
    """
    asker = Asker("nasa", client, gap_seconds=GAP_SECONDS)
    base = settings.base_of("nasa", BASE)
    page_size = min(PAGE_SIZE, request.limit)
    for number in range(1, MAX_DEPTH // page_size + 1):
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
        page = []
        for facts in (item.data[0] for item in found.items if item.data):
            files = asker.get(f"{base}/asset/{facts.nasa_id}", {}, _Asset).collection.items
            if url := _best([file.href for file in files]):
                page.append(_candidate(facts, url))
        if page:
            yield CandidatePage(page, total=found.metadata.total_hits)
        if not found.items or number * page_size >= found.metadata.total_hits:
            return


def _best(urls: list[str]) -> str | None:
    pictures = [url for url in urls if url.lower().endswith(PICTURES)]
    named = (url for part in LARGE for url in pictures if part in url)
    found = next(named, None)
    return found.replace(f"http://{ASSETS}/", f"https://{ASSETS}/", 1) if found else None


def _candidate(facts: _Facts, url: str) -> Candidate:
    return Candidate(
        url=url,
        landing_url=f"https://images.nasa.gov/details/{facts.nasa_id}",
        creator=facts.photographer or facts.secondary_creator or facts.center,
        title=facts.title,
    )
