"""iNaturalist: observations identified by a community. https://api.inaturalist.org/v1/docs/"""

from collections.abc import Iterator

import httpx
from pydantic import BaseModel

from crawlset import licences
from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.searches import SearchRequest

BASE = "https://api.inaturalist.org"
PAGE_SIZE = 200
MAX_PAGES = 50
"""10,000 observations a query are all there are."""
GAP_SECONDS = 1.0


class _Dimensions(BaseModel):
    width: int | None = None
    height: int | None = None


class _Photo(BaseModel):
    url: str
    license_code: str | None = None
    attribution: str | None = None
    original_dimensions: _Dimensions | None = None


class _Taxon(BaseModel):
    name: str | None = None
    preferred_common_name: str | None = None


class _User(BaseModel):
    login: str | None = None
    name: str | None = None


class _Observation(BaseModel):
    uri: str | None = None
    taxon: _Taxon | None = None
    user: _User | None = None
    photos: list[_Photo] = []


class _Answer(BaseModel):
    total_results: int
    results: list[_Observation]


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings
) -> Iterator[CandidatePage]:
    """Every photo of the research-grade observations that match, of 200 observations a page."""
    asker = Asker("inaturalist", client, gap_seconds=GAP_SECONDS)
    address = f"{settings.base_of('inaturalist', BASE)}/v1/observations"
    for number in range(1, MAX_PAGES + 1):
        answer = asker.get(
            address,
            {
                "taxon_name": request.keyword or "",
                "photos": "true",
                "quality_grade": "research",
                "per_page": PAGE_SIZE,
                "page": number,
            },
            _Answer,
        )
        page = [_candidate(seen, photo) for seen in answer.results for photo in seen.photos]
        if page:
            yield CandidatePage(page, total=answer.total_results)
        if not answer.results or number * PAGE_SIZE >= answer.total_results:
            return


def _candidate(seen: _Observation, photo: _Photo) -> Candidate:
    """The photo's licence, not the observation's; an address of the original, not the square."""
    taxon, user, sides = seen.taxon or _Taxon(), seen.user or _User(), photo.original_dimensions
    return Candidate(
        url=photo.url.replace("/square.", "/original."),
        landing_url=seen.uri,
        licence=licences.normalise(photo.license_code or "all rights reserved"),
        licence_raw=photo.license_code,
        creator=user.name or user.login,
        attribution=photo.attribution,
        title=taxon.preferred_common_name or taxon.name,
        width=sides.width if sides else None,
        height=sides.height if sides else None,
    )
