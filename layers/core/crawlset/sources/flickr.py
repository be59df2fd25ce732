"""Flickr. https://www.flickr.com/services/api/flickr.photos.search.html"""

from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import BaseModel

from crawlset import licences
from crawlset.errors import SourceRefusedError
from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage, SourceUnavailableError
from crawlset.sources.shapes import Address, Items, Text, Whole, page_of
from crawlset.wire.searches import SearchRequest

BASE = "https://api.flickr.com"
PAGE_SIZE = 500
MAX_PAGES = 8
"""4,000 photos a query are all there are; beyond them pages repeat."""
GAP_SECONDS = 1.0
"""3,600 questions an hour."""
UNAVAILABLE = frozenset({10, 105})
"""Codes that mean: later."""
LICENCES = {
    "0": "all rights reserved",
    "1": "cc by-nc-sa 2.0",
    "2": "cc by-nc 2.0",
    "3": "cc by-nc-nd 2.0",
    "4": "cc by 2.0",
    "5": "cc by-sa 2.0",
    "6": "cc by-nd 2.0",
    "7": "no known copyright restrictions",
    "8": "united states government work",
    "9": "cc0 1.0",
    "10": "pdm 1.0",
    "11": "cc by 4.0",
    "12": "cc by-sa 4.0",
    "13": "cc by-nd 4.0",
    "14": "cc by-nc 4.0",
    "15": "cc by-nc-sa 4.0",
    "16": "cc by-nc-nd 4.0",
}
"""Licences by the ids that `flickr.photos.licenses.getInfo` gives them."""


class _Photo(BaseModel):
    id: Address
    owner: Address
    title: Text = None
    license: Text = None
    ownername: Text = None
    url_o: Text = None
    width_o: Whole = None
    height_o: Whole = None
    url_l: Text = None
    width_l: Whole = None
    height_l: Whole = None


class _Photos(BaseModel):
    total: Whole = None
    pages: Whole = None
    photo: Items


class _Answer(BaseModel):
    """A failure is an answer of 200."""

    stat: Text = None
    code: Whole = None
    message: Text = None
    photos: _Photos | None = None


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """
    The first 4,000 photos that match, licence included, 500 a page.

    Those without a large size are left out.
    """
    only = _filter(request)
    if only is None:
        return
    asker = Asker("flickr", client, gap_seconds=GAP_SECONDS)
    address = f"{settings.base_of('flickr', BASE)}/services/rest/"
    for number in range(cursor or 1, MAX_PAGES + 1):
        answer = asker.get(
            address,
            {
                "method": "flickr.photos.search",
                "api_key": settings.flickr_key.get_secret_value(),
                "text": request.keyword or "",
                "media": "photos",
                "content_types": "0",
                "sort": "relevance",
                "extras": "license,owner_name,url_o,url_l",
                "per_page": PAGE_SIZE,
                "page": number,
                "format": "json",
                "nojsoncallback": 1,
                **only,
            },
            _Answer,
        )
        photos = _photos(answer)
        is_last = number >= min(photos.pages or 0, MAX_PAGES)
        yield page_of(
            photos.photo,
            _Photo,
            _candidates,
            total=photos.total,
            cursor=None if is_last else number + 1,
        )
        if is_last:
            return


def _filter(request: SearchRequest) -> dict[str, str] | None:
    """The parameter that leaves other licences out; None if nothing there can be wanted."""
    wanted = licences.wanted(request.licences)
    if wanted is None:
        return {}
    ids = [
        id_
        for id_, name in LICENCES.items()
        if licences.is_wanted(licences.normalise(name), wanted)
    ]
    return {"license": ",".join(ids)} if ids else None


def _photos(answer: _Answer) -> _Photos:
    if answer.stat == "ok" and answer.photos is not None:
        return answer.photos
    message = (answer.message or "")[:200]
    if answer.code in UNAVAILABLE:
        raise SourceUnavailableError("flickr", message)
    raise SourceRefusedError(f"flickr refuses the search ({answer.code}: {message}).")


def _candidates(photo: _Photo) -> Iterator[Candidate]:
    raw = LICENCES.get(photo.license or "")
    url = photo.url_o or photo.url_l
    if url is None:
        return
    is_original = url == photo.url_o
    yield Candidate(
        url=url,
        landing_url=f"https://www.flickr.com/photos/{photo.owner}/{photo.id}",
        licence=licences.normalise(raw),
        licence_raw=raw or photo.license,
        creator=photo.ownername,
        title=photo.title,
        width=photo.width_o if is_original else photo.width_l,
        height=photo.height_o if is_original else photo.height_l,
    )
