"""Europeana. https://europeana.atlassian.net/wiki/spaces/EF/pages/2385739812/Search+API"""

from collections.abc import Iterator

import httpx
from pydantic import BaseModel

from crawlset import licences
from crawlset.errors import SourceRefusedError
from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.searches import SearchRequest

BASE = "https://api.europeana.eu"
PAGE_SIZE = 100
GAP_SECONDS = 0.5


class _Item(BaseModel):
    """Every field is a list."""

    id: str
    title: list[str] = []
    rights: list[str] = []
    dcCreator: list[str] = []  # noqa: N815 - as Europeana has it
    edmIsShownBy: list[str] = []  # noqa: N815
    edmIsShownAt: list[str] = []  # noqa: N815


class _Answer(BaseModel):
    success: bool = True
    error: str = ""
    totalResults: int = 0  # noqa: N815
    items: list[_Item] = []
    nextCursor: str | None = None  # noqa: N815


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings
) -> Iterator[CandidatePage]:
    """Openly licensed images that match, 100 a page."""
    asker = Asker(
        "europeana",
        client,
        gap_seconds=GAP_SECONDS,
        headers={"X-Api-Key": settings.europeana_key.get_secret_value()},
    )
    address = f"{settings.base_of('europeana', BASE)}/record/v2/search.json"
    cursor: str | None = "*"
    while cursor is not None:
        answer = asker.get(
            address,
            {
                "query": request.keyword or "",
                "reusability": "open",
                "media": "true",
                "qf": "TYPE:IMAGE",
                "rows": PAGE_SIZE,
                "cursor": cursor,
            },
            _Answer,
        )
        if not answer.success:
            raise SourceRefusedError(f"europeana refuses the search ({answer.error[:200]}).")
        page = [_candidate(item) for item in answer.items if item.edmIsShownBy]
        if page:
            yield CandidatePage(page, total=answer.totalResults)
        cursor = answer.nextCursor if answer.items else None


def _candidate(item: _Item) -> Candidate:
    raw = next(iter(item.rights), None)
    return Candidate(
        url=item.edmIsShownBy[0],
        landing_url=next(iter(item.edmIsShownAt), f"https://www.europeana.eu/item{item.id}"),
        licence=licences.normalise(raw),
        licence_raw=raw,
        creator=next(iter(item.dcCreator), None),
        title=next(iter(item.title), None),
    )
