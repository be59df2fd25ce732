"""Wikimedia Commons, by the MediaWiki Action API. https://www.mediawiki.org/wiki/API:Search"""

from collections.abc import Iterator
from typing import Annotated, NoReturn

import httpx
from pydantic import BaseModel, Field

from crawlset import licences
from crawlset.errors import SourceRefusedError, SourceThrottledError
from crawlset.settings import SourceSettings
from crawlset.sources.answers import DEFAULT_WAIT_SECONDS
from crawlset.sources.asking import Asker
from crawlset.sources.markup import text_of
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.searches import SearchRequest

BASE = "https://commons.wikimedia.org"
PAGE_SIZE = 50
MAX_DEPTH = 10_000
GAP_SECONDS = 0.5
"""A caller without an account may ask 200 times a minute, one at a time."""
BUSY = frozenset({"maxlag", "ratelimited", "readonly"})
"""Codes that mean: later."""
QUERY: dict[str, str | int] = {
    "action": "query",
    "format": "json",
    "formatversion": 1,
    "maxlag": 5,
    "generator": "search",
    "gsrnamespace": 6,
    "gsrlimit": PAGE_SIZE,
    "prop": "imageinfo",
    "iiprop": "url|size|mime|extmetadata",
}


class _Value(BaseModel):
    value: str | int | None = None

    @property
    def text(self) -> str | None:
        return text_of(str(self.value)) if self.value is not None else None


class _ImageInfo(BaseModel):
    url: str
    descriptionurl: str | None = None
    width: int | None = None
    height: int | None = None
    extmetadata: dict[str, _Value] = {}

    def said(self, name: str) -> str | None:
        return self.extmetadata.get(name, _Value()).text


class _File(BaseModel):
    title: str
    index: int = 0
    imageinfo: list[_ImageInfo] = []


class _Query(BaseModel):
    pages: dict[str, _File] = {}


class _Error(BaseModel):
    code: str
    info: str = ""


class _Continue(BaseModel):
    gsroffset: int


class _Answer(BaseModel):
    query: _Query = _Query()
    error: _Error | None = None
    more: Annotated[_Continue | None, Field(alias="continue")] = None


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings
) -> Iterator[CandidatePage]:
    """
    Bitmaps whose page matches, 50 a page, to a depth of 10,000.

    Raises:
        SourceThrottledError: its servers lag, or have been asked too often.
        SourceRefusedError: the query is wrong.
    """
    asker = Asker("wikimedia", client, gap_seconds=GAP_SECONDS)
    address = f"{settings.base_of('wikimedia', BASE)}/w/api.php"
    query = QUERY | {"gsrsearch": f"filetype:bitmap {request.keyword or ''}"}
    offset = 0
    while offset < MAX_DEPTH:
        answer = asker.get(address, query | {"gsroffset": offset}, _Answer)
        if answer.error is not None:
            _raise(answer.error)
        # A dictionary by page id; its order means nothing.
        files = sorted(answer.query.pages.values(), key=lambda file: file.index)
        page = CandidatePage(
            _candidate(file, info) for file in files for info in file.imageinfo[:1]
        )
        if answer.more is None:
            page.total = offset + len(files)
        if page:
            yield page
        if answer.more is None or answer.more.gsroffset <= offset:
            return
        offset = answer.more.gsroffset


def _raise(error: _Error) -> NoReturn:
    if error.code in BUSY:
        raise SourceThrottledError("wikimedia", DEFAULT_WAIT_SECONDS)
    raise SourceRefusedError(f"wikimedia refuses the search ({error.code}: {error.info[:200]}).")


def _candidate(file: _File, info: _ImageInfo) -> Candidate:
    raw = info.said("LicenseUrl") or info.said("License") or info.said("LicenseShortName")
    stated = (info.said(name) for name in ("LicenseUrl", "License", "LicenseShortName"))
    known = (licence for text in stated if (licence := licences.normalise(text)))
    return Candidate(
        url=info.url,
        landing_url=info.descriptionurl,
        licence=next(known, None),
        licence_raw=raw,
        creator=info.said("Artist"),
        attribution=info.said("Attribution"),
        title=file.title.removeprefix("File:").rpartition(".")[0] or file.title,
        width=info.width,
        height=info.height,
    )
