"""Smithsonian Open Access. https://edan.si.edu/openaccess/apidocs/"""

from collections.abc import Iterator

import httpx
from pydantic import BaseModel

from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.searches import SearchRequest

BASE = "https://api.si.edu"
PAGE_SIZE = 500
GAP_SECONDS = 1.0


class _Usage(BaseModel):
    access: str | None = None


class _Medium(BaseModel):
    type: str | None = None
    content: str | None = None
    usage: _Usage = _Usage()


class _OnlineMedia(BaseModel):
    media: list[_Medium] = []


class _Descriptive(BaseModel):
    record_link: str | None = None
    guid: str | None = None
    data_source: str | None = None
    online_media: _OnlineMedia = _OnlineMedia()


class _Content(BaseModel):
    descriptiveNonRepeating: _Descriptive = _Descriptive()  # noqa: N815 - as the API has it


class _Row(BaseModel):
    title: str | None = None
    content: _Content = _Content()


class _Response(BaseModel):
    rows: list[_Row] = []
    rowCount: int = 0  # noqa: N815


class _Answer(BaseModel):
    response: _Response


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings
) -> Iterator[CandidatePage]:
    """Every CC0 picture of the records that match, of 500 records a page."""
    asker = Asker("smithsonian", client, gap_seconds=GAP_SECONDS)
    address = f"{settings.base_of('smithsonian', BASE)}/openaccess/api/v1.0/search"
    query = f"{request.keyword or ''} AND online_media_type:Images AND media_usage:CC0"
    start = 0
    while True:
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
        page = [candidate for row in answer.rows for candidate in _candidates(row)]
        if page:
            yield CandidatePage(page, total=answer.rowCount)
        start += len(answer.rows)
        if not answer.rows or start >= answer.rowCount:
            return


def _candidates(row: _Row) -> Iterator[Candidate]:
    described = row.content.descriptiveNonRepeating
    for medium in described.online_media.media:
        if medium.type == "Images" and medium.content:
            yield Candidate(
                url=medium.content,
                landing_url=described.record_link or described.guid,
                licence="cc0-1.0" if medium.usage.access == "CC0" else None,
                licence_raw=medium.usage.access,
                creator=described.data_source,
                title=row.title,
            )
