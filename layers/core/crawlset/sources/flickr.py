"""Flickr. https://www.flickr.com/services/api/flickr.photos.search.html"""

from collections.abc import Iterator

import httpx
from pydantic import BaseModel

from crawlset import licences
from crawlset.errors import SourceRefusedError
from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage, SourceUnavailableError
from crawlset.wire.searches import SearchRequest

BASE = "https://api.flickr.com"
PAGE_SIZE = 500
MAX_PAGES = 8
"""4,000 photos a query are all there are; beyond them pages repeat."""
GAP_SECONDS = 1.0
"""3,600 questions an hour."""
UNAVAILABLE = 105
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
    id: str
    owner: str
    title: str | None = None
    license: str | None = None
    ownername: str | None = None
    url_o: str | None = None
    width_o: int | None = None
    height_o: int | None = None
    url_l: str | None = None
    width_l: int | None = None
    height_l: int | None = None


class _Photos(BaseModel):
    total: int = 0
    pages: int
    photo: list[_Photo]


class _Answer(BaseModel):
    """A failure is an answer of 200."""

    stat: str
    code: int = 0
    message: str = ""
    photos: _Photos | None = None


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings
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
    for number in range(1, MAX_PAGES + 1):
        answer = asker.get(
            address,
            {
                "method": "flickr.photos.search",
                "api_key": settings.flickr_key.get_secret_value(),
                "text": request.keyword or "",
                "media": "photos",
                "content_types": "0",
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
        page = [
            _candidate(photo, url) for photo in photos.photo if (url := photo.url_o or photo.url_l)
        ]
        if page:
            yield CandidatePage(page, total=photos.total)
        if number >= photos.pages:
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
    if answer.code == UNAVAILABLE:
        raise SourceUnavailableError("flickr", answer.message[:200])
    raise SourceRefusedError(f"flickr refuses the search ({answer.code}: {answer.message[:200]}).")


def _candidate(photo: _Photo, url: str) -> Candidate:
    raw = LICENCES.get(photo.license or "")
    is_original = url == photo.url_o
    return Candidate(
        url=url,
        landing_url=f"https://www.flickr.com/photos/{photo.owner}/{photo.id}",
        licence=licences.normalise(raw),
        licence_raw=raw or photo.license,
        creator=photo.ownername,
        title=photo.title or None,
        width=photo.width_o if is_original else photo.width_l,
        height=photo.height_o if is_original else photo.height_l,
    )
