"""Art Institute of Chicago. https://api.artic.edu/docs/"""

from collections.abc import Iterator

import httpx
from pydantic import BaseModel

from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.searches import SearchRequest

BASE = "https://api.artic.edu"
PAGE_SIZE = 100
MAX_PAGES = 100
"""The search goes no deeper than 10,000."""
GAP_SECONDS = 1.0
FIELDS = "id,title,image_id,is_public_domain,artist_title"


class _Artwork(BaseModel):
    id: int
    title: str | None = None
    image_id: str | None = None
    is_public_domain: bool = False
    artist_title: str | None = None


class _Pagination(BaseModel):
    total: int = 0
    total_pages: int


class _Config(BaseModel):
    iiif_url: str


class _Answer(BaseModel):
    pagination: _Pagination
    data: list[_Artwork]
    config: _Config


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings
) -> Iterator[CandidatePage]:
    """Works with an image, 100 a page; a work that is not in the public domain says nothing."""
    asker = Asker("artic", client, gap_seconds=GAP_SECONDS)
    address = f"{settings.base_of('artic', BASE)}/api/v1/artworks/search"
    for number in range(1, MAX_PAGES + 1):
        answer = asker.get(
            address,
            {"q": request.keyword or "", "fields": FIELDS, "limit": PAGE_SIZE, "page": number},
            _Answer,
        )
        page = [_candidate(work, answer.config.iiif_url) for work in answer.data if work.image_id]
        if page:
            yield CandidatePage(page, total=answer.pagination.total)
        if number >= answer.pagination.total_pages:
            return


def _candidate(work: _Artwork, iiif_url: str) -> Candidate:
    return Candidate(
        url=f"{iiif_url}/{work.image_id}/full/843,/0/default.jpg",
        landing_url=f"https://www.artic.edu/artworks/{work.id}",
        licence="cc0-1.0" if work.is_public_domain else None,
        licence_raw=f"is_public_domain: {str(work.is_public_domain).lower()}",
        creator=work.artist_title,
        title=work.title,
    )
