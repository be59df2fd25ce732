"""GBIF: observations of living things. https://techdocs.gbif.org/en/openapi/v1/occurrence"""

from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import BaseModel

from crawlset import licences
from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.sources.shapes import Each, Items, Text, Truth, Whole, page_of
from crawlset.wire.searches import SearchRequest

BASE = "https://api.gbif.org"
PAGE_SIZE = 300
MAX_DEPTH = 100_000
"""Offset and limit together may not be more."""
GAP_SECONDS = 0.5


class _Taxon(BaseModel):
    usageKey: Whole = None  # noqa: N815 - as GBIF has it
    matchType: Text = None  # noqa: N815
    """EXACT, FUZZY, HIGHERRANK or NONE."""


class _Medium(BaseModel):
    type: Text = None
    identifier: Text = None
    references: Text = None
    title: Text = None
    license: Text = None
    creator: Text = None
    rightsHolder: Text = None  # noqa: N815


class _Occurrence(BaseModel):
    key: Text = None
    scientificName: Text = None  # noqa: N815
    media: Each[_Medium] = []


class _Answer(BaseModel):
    count: Whole = None
    endOfRecords: Truth = False  # noqa: N815
    results: Items


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """
    Every still image of the observations that match, of 300 observations a page.

    The keyword is looked up as a scientific name first: a search for the word alone finds "cat" in
    the names of islands.
    """
    asker = Asker("gbif", client, gap_seconds=GAP_SECONDS)
    base = f"{settings.base_of('gbif', BASE)}/v1"
    if cursor is None:
        cursor = {"offset": 0, "asked": _question(asker, base, request.keyword or "")}
    while cursor is not None:
        offset, asked = cursor["offset"], cursor["asked"]
        limit = min(PAGE_SIZE, MAX_DEPTH - offset)
        answer = asker.get(
            f"{base}/occurrence/search",
            asked | {"mediaType": "StillImage", "limit": limit, "offset": offset},
            _Answer,
        )
        is_last = answer.endOfRecords or not answer.results or offset + limit >= MAX_DEPTH
        cursor = None if is_last else {"offset": offset + limit, "asked": asked}
        yield page_of(answer.results, _Occurrence, _candidates, total=answer.count, cursor=cursor)


def _question(asker: Asker, base: str, keyword: str) -> dict[str, Any]:
    """By taxon where the keyword is one's name, else by full text."""
    taxon = asker.get(f"{base}/species/match", {"name": keyword}, _Taxon)
    if taxon.matchType == "EXACT" and taxon.usageKey is not None:
        return {"taxonKey": taxon.usageKey}
    return {"q": keyword}


def _candidates(occurrence: _Occurrence) -> Iterator[Candidate]:
    """A medium has a licence of its own, which need not be the record's."""
    for medium in occurrence.media:
        if medium.type not in {None, "StillImage"} or medium.identifier is None:
            continue
        page = f"https://www.gbif.org/occurrence/{occurrence.key}" if occurrence.key else None
        yield Candidate(
            url=medium.identifier,
            landing_url=medium.references or page,
            licence=licences.normalise(medium.license),
            licence_raw=medium.license,
            creator=medium.creator or medium.rightsHolder,
            title=medium.title or occurrence.scientificName,
        )
