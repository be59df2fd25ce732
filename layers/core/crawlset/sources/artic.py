"""Art Institute of Chicago. https://api.artic.edu/docs/"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
from pydantic import BaseModel

from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.sources.shapes import Address, Items, Part, Text, Truth, Whole, page_of
from crawlset.wire.searches import SearchRequest

BASE = "https://api.artic.edu"
PICTURES = "https://www.artic.edu/iiif/2"
PAGE_SIZE = 100
MAX_PAGES = 10
"""
A caller without an account sees 1,000 works: `max_resources_guest` in config/aic.php of
https://github.com/art-institute-of-chicago/data-aggregator, though its documentation says 10,000.
"""
GAP_SECONDS = 1.0
FIELDS = "id,title,image_id,is_public_domain,artist_title"


class _Artwork(BaseModel):
    id: Address
    title: Text = None
    image_id: Text = None
    is_public_domain: Truth = False
    artist_title: Text = None


class _Pagination(BaseModel):
    total: Whole = None
    total_pages: Whole = None


class _Config(BaseModel):
    iiif_url: Text = None


class _Answer(BaseModel):
    pagination: Part[_Pagination] = _Pagination()
    data: Items
    config: Part[_Config] = _Config()


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """The first 1,000 works in the public domain that match, 100 a page."""
    asker = Asker(
        "artic",
        client,
        gap_seconds=GAP_SECONDS,
        headers={"AIC-User-Agent": client.headers["User-Agent"]},
    )
    address = f"{settings.base_of('artic', BASE)}/api/v1/artworks/search"
    for number in range(cursor or 1, MAX_PAGES + 1):
        answer = asker.get(
            address,
            {
                "q": request.keyword or "",
                "query[term][is_public_domain]": "true",
                "fields": FIELDS,
                "limit": PAGE_SIZE,
                "page": number,
            },
            _Answer,
        )
        n_pages = min(answer.pagination.total_pages or 0, MAX_PAGES)
        yield page_of(
            answer.data,
            _Artwork,
            partial(_candidates, iiif_url=answer.config.iiif_url or PICTURES),
            total=answer.pagination.total,
            cursor=number + 1 if number < n_pages else None,
        )
        if number >= n_pages:
            return


def _candidates(work: _Artwork, iiif_url: str) -> Iterator[Candidate]:
    if work.image_id is None:
        return
    yield Candidate(
        url=f"{iiif_url}/{work.image_id}/full/843,/0/default.jpg",
        landing_url=f"https://www.artic.edu/artworks/{work.id}",
        licence="cc0-1.0" if work.is_public_domain else None,
        licence_raw=f"is_public_domain: {str(work.is_public_domain).lower()}",
        creator=work.artist_title,
        title=work.title,
    )
