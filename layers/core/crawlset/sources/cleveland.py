"""Cleveland Museum of Art. https://openaccess-api.clevelandart.org/"""

from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import BaseModel

from crawlset import licences
from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.sources.shapes import Address, Each, Items, Part, Text, Whole, page_of
from crawlset.wire.searches import SearchRequest

BASE = "https://openaccess-api.clevelandart.org"
PAGE_SIZE = 100
GAP_SECONDS = 1.0
"""It states no limit; Openverse's catalogue waits five seconds after a thousand works."""
FIELDS = "id,title,url,creators,share_license_status,images,alternate_images"
"""A whole work has citations and provenance: tens of kilobytes."""


class _File(BaseModel):
    """Sides are texts, mostly."""

    url: Address
    width: Whole = None
    height: Whole = None


class _Files(BaseModel):
    """Each as an object, or not at all. Beside them is `full`, a TIFF of a hundred megabytes."""

    print: Each[_File] = []
    web: Each[_File] = []


class _Creator(BaseModel):
    description: Text = None


class _Work(BaseModel):
    title: Text = None
    url: Text = None
    creators: Each[_Creator] = []
    share_license_status: Text = None
    images: Part[_Files] = _Files()
    alternate_images: Each[_Files] = []


class _Info(BaseModel):
    total: Whole = None


class _Answer(BaseModel):
    info: Part[_Info] = _Info()
    data: Items


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """Every picture of the CC0 works that match, 100 works a page; the cursor counts works."""
    asker = Asker("cleveland", client, gap_seconds=GAP_SECONDS)
    address = f"{settings.base_of('cleveland', BASE)}/api/artworks/"
    at: int | None = cursor or 0
    while at is not None:
        answer = asker.get(
            address,
            {
                "q": request.keyword or "",
                "cc0": 1,
                "has_image": 1,
                "fields": FIELDS,
                "limit": PAGE_SIZE,
                "skip": at,
            },
            _Answer,
        )
        total, n_passed = answer.info.total, at + len(answer.data)
        is_last = len(answer.data) < PAGE_SIZE or n_passed == total
        at = None if is_last else n_passed
        yield page_of(answer.data, _Work, _candidates, total=total, cursor=at)


def _candidates(work: _Work) -> Iterator[Candidate]:
    """Works that are in copyright have the status `Copyrighted`, or none."""
    creator = next((_name(c.description) for c in work.creators if c.description), None)
    for files in (work.images, *work.alternate_images):
        for file in (*files.print, *files.web)[:1]:
            yield Candidate(
                url=file.url,
                landing_url=work.url,
                licence=licences.normalise(work.share_license_status),
                licence_raw=work.share_license_status,
                creator=creator,
                title=work.title,
                width=file.width,
                height=file.height,
            )


def _name(description: str) -> str:
    """The name in "Thomas Cole (American, 1801-1848)"."""
    if not description.endswith(")"):
        return description
    depth = 0
    for place in range(len(description) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(description[place], 0)
        if depth == 0:
            return description[:place].strip() or description
    return description
