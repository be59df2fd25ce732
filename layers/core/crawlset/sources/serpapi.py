"""Pages of web searches, as SerpApi reads them for whoever has a key. https://serpapi.com"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
from pydantic import BaseModel

from crawlset import licences
from crawlset.errors import SourceRefusedError
from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.markup import text_of
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.searches import SearchRequest

BASE = "https://serpapi.com"
GAP_SECONDS = 1.0
NOTHING = "returned any results"
"""Part of what it calls an error, with a status of 200, where there is nothing more."""


class _Picture(BaseModel):
    title: str | None = None
    link: str | None = None
    original: str | None = None
    image: str | None = None
    original_width: int | None = None
    original_height: int | None = None
    license_details_url: str | None = None


class _Answer(BaseModel):
    error: str | None = None
    images_results: list[_Picture] = []
    inline_images: list[_Picture] = []


@dataclass(frozen=True)
class SearchEngine:
    """A web search: its name here and there, and how the next page is asked for."""

    source: str
    engine: str
    page: Callable[[int, int], dict[str, str | int]]
    """From the page's number, from 0, and how many pictures came before it."""
    max_pages: int


def search(
    engine: SearchEngine, request: SearchRequest, *, client: httpx.Client, settings: SourceSettings
) -> Iterator[CandidatePage]:
    """
    The pictures of each page, until one has none.

    Raises:
        SourceRefusedError: it answers with an error, other than that there is nothing.
    """
    asker = Asker(engine.source, client, gap_seconds=GAP_SECONDS)
    address = f"{settings.base_of(engine.source, BASE)}/search.json"
    query: dict[str, str | int] = {
        "engine": engine.engine,
        "q": request.keyword or "",
        "api_key": settings.serpapi_key.get_secret_value(),
    }
    n_seen = 0
    for number in range(engine.max_pages):
        answer = asker.get(address, query | engine.page(number, n_seen), _Answer)
        if answer.error is not None and NOTHING not in answer.error:
            raise SourceRefusedError(f"{engine.source} refuses the search ({answer.error[:200]}).")
        pictures = answer.images_results or answer.inline_images
        if not pictures:
            return
        n_seen += len(pictures)
        page = CandidatePage(
            _candidate(picture, url)
            for picture in pictures
            if (url := picture.original or picture.image)
        )
        if page:
            yield page


def _candidate(picture: _Picture, url: str) -> Candidate:
    return Candidate(
        url=url,
        landing_url=picture.link,
        licence=licences.normalise(picture.license_details_url),
        licence_raw=picture.license_details_url,
        title=text_of(picture.title),
        width=picture.original_width,
        height=picture.original_height,
    )
