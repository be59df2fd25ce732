"""Words for a thing in other languages, as Wikidata labels it. https://www.wikidata.org/w/api.php"""

import httpx
from pydantic import BaseModel

from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker

BASE = "https://www.wikidata.org"
GAP_SECONDS = 0.5
LOOKED_AT = 5
"""Items of a search, among which one has to be called exactly so."""


class _Match(BaseModel):
    text: str = ""


class _Hit(BaseModel):
    id: str
    match: _Match = _Match()


class _Found(BaseModel):
    search: list[_Hit] = []


class _Label(BaseModel):
    value: str


class _Entity(BaseModel):
    labels: dict[str, _Label] = {}


class _Entities(BaseModel):
    entities: dict[str, _Entity] = {}


def labels(
    keyword: str, languages: tuple[str, ...], *, client: httpx.Client, settings: SourceSettings
) -> dict[str, str]:
    """
    By language, the label of the first item that is called `keyword` in English; none if none is.

    Raises `SourceError`, as `Asker.get`.
    """
    asker = Asker("wikidata", client, gap_seconds=GAP_SECONDS)
    address = f"{settings.base_of('wikidata', BASE)}/w/api.php"
    found = asker.get(
        address,
        {
            "action": "wbsearchentities",
            "search": keyword,
            "language": "en",
            "type": "item",
            "limit": LOOKED_AT,
            "format": "json",
        },
        _Found,
    )
    exact = (hit.id for hit in found.search if hit.match.text.casefold() == keyword.casefold())
    item = next(exact, None)
    if item is None:
        return {}
    answer = asker.get(
        address,
        {
            "action": "wbgetentities",
            "ids": item,
            "props": "labels",
            "languages": "|".join(languages),
            "format": "json",
        },
        _Entities,
    )
    entity = answer.entities.get(item, _Entity())
    return {language: label.value for language, label in entity.labels.items()}
