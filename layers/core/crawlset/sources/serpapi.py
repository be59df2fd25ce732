"""Pages of web searches, as SerpApi reads them for whoever has a key. https://serpapi.com"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import BaseModel

from crawlset import licences
from crawlset.errors import SourceRefusedError
from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.markup import text_of
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.sources.shapes import Items, Text, Whole, page_of
from crawlset.wire.searches import SearchRequest

BASE = "https://serpapi.com"
GAP_SECONDS = 1.0
NOTHING = "returned any results"
"""Part of what it calls an error, with a status of 200, where there is nothing more."""


_SIZE = re.compile(r"\s*(\d{1,6})\s*[×x]\s*(\d{1,6})")  # noqa: RUF001 - as Bing writes it
"""How the engines write width and height that are not fields: `1920x1080 · jpeg`."""


class _Picture(BaseModel):
    title: Text = None
    link: Text = None
    """The page with the picture; for Bing its own viewer."""
    source: Text = None
    """Bing's address of the page; elsewhere the name of the site."""
    original: Text = None
    image: Text = None
    original_width: Whole = None
    original_height: Whole = None
    size: Text = None
    license_details_url: Text = None


class _Answer(BaseModel):
    error: Text = None
    images_results: Items = []
    inline_images: Items = []


@dataclass(frozen=True)
class SearchEngine:
    """A web search: its name here and there, and how the next page is asked for."""

    source: str
    engine: str
    page: Callable[[int, int], dict[str, str | int]]
    """From the page's number, from 0, and how many pictures came before it."""
    max_pages: int


def search(
    engine: SearchEngine,
    request: SearchRequest,
    *,
    client: httpx.Client,
    settings: SourceSettings,
    cursor: Any = None,
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
    first, n_seen = (cursor["page"], cursor["seen"]) if cursor else (0, 0)
    for number in range(first, engine.max_pages):
        answer = asker.get(address, query | engine.page(number, n_seen), _Answer)
        if answer.error is not None and NOTHING not in answer.error:
            raise SourceRefusedError(f"{engine.source} refuses the search ({answer.error[:200]}).")
        pictures = answer.images_results or answer.inline_images
        n_seen += len(pictures)
        is_last = not pictures or number + 1 == engine.max_pages
        yield page_of(
            pictures,
            _Picture,
            _candidates,
            cursor=None if is_last else {"page": number + 1, "seen": n_seen},
        )
        if is_last:
            return


def _candidates(picture: _Picture) -> Iterator[Candidate]:
    url = picture.original or picture.image
    if url is None:
        return
    page = picture.source if _is_address(picture.source) else picture.link
    width, height = _sides(picture)
    yield Candidate(
        url=url,
        landing_url=page,
        licence=licences.normalise(picture.license_details_url),
        licence_raw=picture.license_details_url,
        title=text_of(picture.title),
        width=width,
        height=height,
    )


def _is_address(text: str | None) -> bool:
    return text is not None and text.startswith(("http://", "https://"))


def _sides(picture: _Picture) -> tuple[int | None, int | None]:
    size = _SIZE.match(picture.size or "")
    if picture.original_width is None and size:
        return int(size[1]), int(size[2])
    return picture.original_width, picture.original_height
