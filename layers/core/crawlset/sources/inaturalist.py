"""iNaturalist: observations identified by a community. https://api.inaturalist.org/v1/docs/"""

from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import BaseModel

from crawlset import licences
from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.sources.shapes import Address, Each, Inner, Items, Text, Truth, Whole, page_of
from crawlset.wire.searches import SearchRequest

BASE = "https://api.inaturalist.org"
PAGE_SIZE = 200
GAP_SECONDS = 1.0
VERSION = "4.0"
"""Creative Commons licences there have this version: app/models/shared/license_module.rb."""
CODES = {
    "cc0": "cc0",
    **{
        name: name
        for name in ("cc-by", "cc-by-nc", "cc-by-sa", "cc-by-nd", "cc-by-nc-sa", "cc-by-nc-nd")
    },
}
"""Families of licences that `photo_license` may name."""


class _Dimensions(BaseModel):
    width: Whole = None
    height: Whole = None


class _Photo(BaseModel):
    url: Address
    license_code: Text = None
    attribution: Text = None
    original_dimensions: Inner[_Dimensions] = _Dimensions()
    hidden: Truth = False
    """By moderators; its address is then that of a grey square."""


class _Taxon(BaseModel):
    name: Text = None
    preferred_common_name: Text = None


class _User(BaseModel):
    login: Text = None
    name: Text = None


class _Observation(BaseModel):
    id: Whole = None
    uri: Text = None
    taxon: Inner[_Taxon] = _Taxon()
    user: Inner[_User] = _User()
    photos: Each[_Photo] = []


class _Answer(BaseModel):
    total_results: Whole = None
    results: Items


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """
    Every photo of the research-grade observations that match, of 200 observations a page.

    Each page is asked for by the last id before it: by number there are no more than 10,000
    observations (`id_above` in lib/util.js of https://github.com/inaturalist/iNaturalistAPI).
    """
    only = _filter(request)
    if only is None:
        return
    asker = Asker("inaturalist", client, gap_seconds=GAP_SECONDS)
    address = f"{settings.base_of('inaturalist', BASE)}/v1/observations"
    query: dict[str, str | int] = {
        "taxon_name": request.keyword or "",
        "photos": "true",
        "quality_grade": "research",
        "per_page": PAGE_SIZE,
        "order_by": "id",
        "order": "asc",
    }
    above, total = (cursor["id"], cursor["total"]) if cursor else (0, None)
    while True:
        answer = asker.get(address, query | only | {"id_above": above}, _Answer)
        total = answer.total_results if total is None else total
        last = max((id_ for found in answer.results if (id_ := _id(found))), default=0)
        is_last = len(answer.results) < PAGE_SIZE or last <= above
        above = last
        yield page_of(
            answer.results,
            _Observation,
            _candidates,
            total=total,
            cursor=None if is_last else {"id": above, "total": total},
        )
        if is_last:
            return


def _id(found: Any) -> int | None:
    id_ = found.get("id") if isinstance(found, dict) else None
    return id_ if isinstance(id_, int) else None


def _filter(request: SearchRequest) -> dict[str, str] | None:
    """The parameter that leaves other licences out; None if nothing there can be wanted."""
    wanted = licences.wanted_families(request.licences)
    if wanted is None or "all-rights-reserved" in wanted:
        return {}
    codes = sorted(CODES[name] for name in wanted if name in CODES)
    return {"photo_license": ",".join(codes)} if codes else None


def _candidates(seen: _Observation) -> Iterator[Candidate]:
    """With each photo's licence, not the observation's; the original, not the square."""
    for photo in seen.photos:
        if photo.hidden or "/media-hidden" in photo.url:
            continue
        yield Candidate(
            url=photo.url.replace("/square.", "/original."),
            landing_url=seen.uri,
            licence=licences.normalise(photo.license_code or "all rights reserved", VERSION),
            licence_raw=photo.license_code,
            creator=seen.user.name or seen.user.login,
            attribution=photo.attribution,
            title=seen.taxon.preferred_common_name or seen.taxon.name,
            width=photo.original_dimensions.width,
            height=photo.original_dimensions.height,
        )
