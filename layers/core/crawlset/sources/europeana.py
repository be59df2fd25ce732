"""Europeana. https://europeana.atlassian.net/wiki/spaces/EF/pages/2385739812/Search+API"""

from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import BaseModel

from crawlset import licences
from crawlset.errors import SourceRefusedError
from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.sources.shapes import Items, Text, Texts, Whole, page_of
from crawlset.wire.searches import SearchRequest

BASE = "https://api.europeana.eu"
PAGE_SIZE = 100
GAP_SECONDS = 0.5


class _Item(BaseModel):
    """Every field is a list; creators are addresses of entities as often as names."""

    id: Text = None
    title: Texts = []
    rights: Texts = []
    dcCreator: Texts = []  # noqa: N815 - as Europeana has it
    edmAgentLabel: Items = []  # noqa: N815
    edmIsShownBy: Texts = []  # noqa: N815
    edmIsShownAt: Texts = []  # noqa: N815


class _Answer(BaseModel):
    success: bool = True
    error: Text = None
    totalResults: Whole = None  # noqa: N815
    items: Items = []
    nextCursor: Text = None  # noqa: N815


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """Openly licensed images that match, 100 a page."""
    asker = Asker(
        "europeana",
        client,
        gap_seconds=GAP_SECONDS,
        headers={"X-Api-Key": settings.europeana_key.get_secret_value()},
    )
    address = f"{settings.base_of('europeana', BASE)}/record/v2/search.json"
    at: str | None = cursor or "*"
    while at is not None:
        answer = asker.get(
            address,
            {
                "query": request.keyword or "",
                "reusability": "open",
                "media": "true",
                "qf": "TYPE:IMAGE",
                "rows": PAGE_SIZE,
                "cursor": at,
            },
            _Answer,
        )
        if not answer.success:
            message = (answer.error or "")[:200]
            raise SourceRefusedError(f"europeana refuses the search ({message}).")
        at = answer.nextCursor if answer.items else None
        yield page_of(answer.items, _Item, _candidates, total=answer.totalResults, cursor=at)


def _candidates(item: _Item) -> Iterator[Candidate]:
    if not item.edmIsShownBy:
        return
    raw = next(iter(item.rights), None)
    page = f"https://www.europeana.eu/item{item.id}" if item.id else None
    yield Candidate(
        url=item.edmIsShownBy[0],
        landing_url=next(iter(item.edmIsShownAt), page),
        licence=licences.normalise(raw),
        licence_raw=raw,
        creator=_creator(item),
        title=next(iter(item.title), None),
    )


def _creator(item: _Item) -> str | None:
    named = (name for name in item.dcCreator if "://" not in name)
    labels = (
        text
        for label in item.edmAgentLabel
        if isinstance(label, dict)
        for text in label.values()
        if isinstance(text, str)
    )
    return next(named, None) or next(labels, None)
