"""Smithsonian Open Access. https://edan.si.edu/openaccess/apidocs/"""

from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import BaseModel

from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.sources.shapes import Each, Inner, Items, Text, Texts, Whole, page_of
from crawlset.wire.searches import SearchRequest

BASE = "https://api.si.edu"
PAGE_SIZE = 500
GAP_SECONDS = 1.0
BEST = ("High-resolution JPEG", "Screen Image")
"""Labels of an image's files, the best first; there are TIFFs too, and a thumbnail."""


class _Usage(BaseModel):
    access: Text = None


class _Resource(BaseModel):
    label: Text = None
    url: Text = None
    width: Whole = None
    height: Whole = None


class _Medium(BaseModel):
    type: Text = None
    content: Text = None
    resources: Each[_Resource] = []
    usage: Inner[_Usage] = _Usage()


class _OnlineMedia(BaseModel):
    media: Each[_Medium] = []


class _Descriptive(BaseModel):
    record_link: Text = None
    guid: Text = None
    online_media: Inner[_OnlineMedia] = _OnlineMedia()


class _Name(BaseModel):
    label: Text = None
    content: Text = None


class _Free(BaseModel):
    name: Each[_Name] = []
    """People, each with what they did: Artist, Collector."""


class _Indexed(BaseModel):
    name: Texts = []


class _Content(BaseModel):
    descriptiveNonRepeating: Inner[_Descriptive] = _Descriptive()  # noqa: N815 - as the API has it
    freetext: Inner[_Free] = _Free()
    indexedStructured: Inner[_Indexed] = _Indexed()  # noqa: N815


class _Row(BaseModel):
    title: Text = None
    content: Inner[_Content] = _Content()


class _Response(BaseModel):
    rows: Items = []
    rowCount: Whole = None  # noqa: N815


class _Answer(BaseModel):
    response: _Response


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """Every CC0 picture of the records that match, of 500 records a page."""
    asker = Asker("smithsonian", client, gap_seconds=GAP_SECONDS)
    address = f"{settings.base_of('smithsonian', BASE)}/openaccess/api/v1.0/search"
    query = f"{request.keyword or ''} AND online_media_type:Images AND media_usage:CC0"
    start: int | None = cursor or 0
    while start is not None:
        answer = asker.get(
            address,
            {
                "q": query,
                "rows": PAGE_SIZE,
                "start": start,
                "api_key": settings.smithsonian_key.get_secret_value(),
            },
            _Answer,
        ).response
        start += len(answer.rows)
        if not answer.rows or start >= (answer.rowCount or 0):
            start = None
        yield page_of(answer.rows, _Row, _candidates, total=answer.rowCount, cursor=start)


def _candidates(row: _Row) -> Iterator[Candidate]:
    described = row.content.descriptiveNonRepeating
    for medium in described.online_media.media:
        file = _best(medium)
        if medium.type == "Images" and file.url is not None:
            yield Candidate(
                url=file.url,
                landing_url=described.record_link or described.guid,
                licence="cc0-1.0" if medium.usage.access == "CC0" else None,
                licence_raw=medium.usage.access,
                creator=_creator(row.content),
                title=row.title,
                width=file.width,
                height=file.height,
            )


def _best(medium: _Medium) -> _Resource:
    """The delivery service's address, which states no size, where no file is named."""
    by_label = {resource.label: resource for resource in medium.resources if resource.url}
    named = (by_label[label] for label in BEST if label in by_label)
    return next(named, _Resource(url=medium.content))


def _creator(content: _Content) -> str | None:
    """A person; the unit of the museum that holds the object has not made it."""
    names = (name.content for name in content.freetext.name if name.content)
    return next(names, None) or next(iter(content.indexedStructured.name), None)
