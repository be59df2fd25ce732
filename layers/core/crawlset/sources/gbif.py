"""GBIF: observations of living things. https://techdocs.gbif.org/en/openapi/v1/occurrence"""

from collections.abc import Iterator

import httpx
from pydantic import BaseModel

from crawlset import licences
from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.searches import SearchRequest

BASE = "https://api.gbif.org"
PAGE_SIZE = 300
MAX_DEPTH = 100_000
GAP_SECONDS = 0.5


class _Medium(BaseModel):
    type: str | None = None
    identifier: str | None = None
    references: str | None = None
    title: str | None = None
    license: str | None = None
    creator: str | None = None
    rightsHolder: str | None = None  # noqa: N815 - as GBIF has it


class _Occurrence(BaseModel):
    key: int
    scientificName: str | None = None  # noqa: N815
    media: list[_Medium] = []


class _Answer(BaseModel):
    count: int = 0
    endOfRecords: bool  # noqa: N815
    results: list[_Occurrence]


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings
) -> Iterator[CandidatePage]:
    """Every still image of the observations that match, of 300 observations a page."""
    asker = Asker("gbif", client, gap_seconds=GAP_SECONDS)
    address = f"{settings.base_of('gbif', BASE)}/v1/occurrence/search"
    for offset in range(0, MAX_DEPTH, PAGE_SIZE):
        answer = asker.get(
            address,
            {
                "q": request.keyword or "",
                "mediaType": "StillImage",
                "limit": PAGE_SIZE,
                "offset": offset,
            },
            _Answer,
        )
        page = [
            _candidate(occurrence, medium, medium.identifier)
            for occurrence in answer.results
            for medium in occurrence.media
            if medium.type in {None, "StillImage"} and medium.identifier
        ]
        if page:
            yield CandidatePage(page, total=answer.count)
        if answer.endOfRecords:
            return


def _candidate(occurrence: _Occurrence, medium: _Medium, url: str) -> Candidate:
    """The medium has a licence of its own, which need not be the record's."""
    return Candidate(
        url=url,
        landing_url=medium.references or f"https://www.gbif.org/occurrence/{occurrence.key}",
        licence=licences.normalise(medium.license),
        licence_raw=medium.license,
        creator=medium.creator or medium.rightsHolder,
        title=medium.title or occurrence.scientificName,
    )
