"""
Rijksmuseum, by its search and its records in Linked Art. https://data.rijksmuseum.nl/docs/

Shapes are those of the records that https://github.com/brookstalley/arrt keeps as fixtures.
"""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any
from urllib.parse import unquote

import httpx
from pydantic import BaseModel, Field

from crawlset import licences
from crawlset.settings import SourceSettings
from crawlset.sources.answers import BadQuestionError, MissingError, NotJsonError
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.sources.shapes import Address, Each, Items, Part, Text, Whole, page_of
from crawlset.wire.searches import SearchRequest

BASE = "https://data.rijksmuseum.nl"
PAGE_SIZE = 10
"""Each object is three questions: for itself, for what it shows, and for the picture of that."""
MAX_PICTURES = 10
"""So many of one object are asked for."""
GAP_SECONDS = 1.0
"""It states no limit."""
FIELDS = ("title", "description", "creator", "aboutActor", "type", "material", "technique")
"""What can be searched, the first unless a keyword says otherwise: there is no search in all."""
HEADERS = {"Accept": "application/ld+json"}
ENGLISH = "http://vocab.getty.edu/aat/300388277"
PREFERRED = "http://vocab.getty.edu/aat/300404670"
MAKER = "http://vocab.getty.edu/aat/300435416"
MAKER_OF_PART = "http://vocab.getty.edu/aat/300435417"
NOT_DOWNLOADABLE = "niet downloadbaar"
NOBODY = frozenset({"anonymous", "anoniem", "unknown", "onbekend"})
RIGHTS = ("creativecommons.org/", "rightsstatements.org/")
_NUMBER = re.compile(r"https?://id\.rijksmuseum\.nl/(\d{1,30})")
_TOKEN = re.compile(r"[?&]pageToken=([^&#]{1,4000})")


class _Reference(BaseModel):
    id: Address


class _Statement(BaseModel):
    """A name or a text."""

    type: Text = None
    content: Text = None
    language: Each[_Reference] = []
    classified_as: Each[_Reference] = []

    def is_a(self, kind: str) -> bool:
        return any(reference.id == kind for reference in self.classified_as)

    @property
    def is_english(self) -> bool:
        return any(reference.id == ENGLISH for reference in self.language)


class _Notation(BaseModel):
    language: Text = Field(None, alias="@language")
    value: Address = Field(alias="@value")


class _Maker(BaseModel):
    notation: Each[_Notation] = []


class _Production(BaseModel):
    carried_out_by: Each[_Maker] = []
    referred_to_by: Each[_Statement] = []


class _Produced(_Production):
    part: Each[_Production] = []


class _Object(BaseModel):
    id: Address
    identified_by: Each[_Statement] = []
    produced_by: Part[_Produced] = _Produced()
    shows: Each[_Reference] = []


class _Right(BaseModel):
    classified_as: Each[_Reference] = []


class _Visual(BaseModel):
    """What an object shows, and the rights in that; without a picture of it where there is none."""

    subject_to: Each[_Right] = []
    digitally_shown_by: Each[_Reference] = []


class _Picture(BaseModel):
    access_point: Each[_Reference] = []
    referred_to_by: Each[_Statement] = []


class _Following(BaseModel):
    id: Text = None


class _Collection(BaseModel):
    totalItems: Whole = None  # noqa: N815 - as the museum has it


class _Found(BaseModel):
    partOf: Part[_Collection] = _Collection()  # noqa: N815
    next: Part[_Following] = _Following()
    orderedItems: Items = []  # noqa: N815


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """
    The pictures of the objects that match, ten objects a page.

    The cursor holds the objects that are found and not asked for yet, and where the search for
    others goes on.
    """
    asker = Asker("rijksmuseum", client, gap_seconds=GAP_SECONDS, headers=HEADERS)
    base = settings.base_of("rijksmuseum", BASE)
    at = cursor or {"numbers": [], "token": "", "total": None}
    numbers, token, total = at["numbers"], at["token"], at["total"]
    while numbers or token is not None:
        if not numbers:
            numbers, token, total = _find(asker, base, request.keyword or "", token)
        asked, numbers = numbers[:PAGE_SIZE], numbers[PAGE_SIZE:]
        is_last = not numbers and token is None
        yield page_of(
            [_record(asker, base, number) for number in asked],
            _Object,
            partial(_candidates, asker, base),
            total=total,
            cursor=None if is_last else {"numbers": numbers, "token": token, "total": total},
        )


def _find(
    asker: Asker, base: str, keyword: str, token: str
) -> tuple[list[str], str | None, int | None]:
    """Numbers of the next hundred objects, where others are, and how many there are."""
    name, _, words = keyword.partition(":")
    question = {name: words.strip()} if name in FIELDS else {FIELDS[0]: keyword}
    more = {"pageToken": token} if token else {}
    found = asker.get(
        f"{base}/search/collection", {**question, "imageAvailable": "true", **more}, _Found
    )
    ids = (item.get("id") for item in found.orderedItems if isinstance(item, dict))
    numbers = [number for id_ in ids if (number := _number(id_))]
    matched = _TOKEN.search(found.next.id or "") if found.orderedItems else None
    following = unquote(matched[1]) if matched else None
    if following == token:
        following = None
    return numbers, following, found.partOf.totalItems


def _number(id_: Any) -> str | None:
    matched = _NUMBER.fullmatch(id_) if isinstance(id_, str) else None
    return matched[1] if matched else None


def _record(asker: Asker, base: str, number: str | None) -> Any:
    """None for one that the museum does not know, which it says with 400 or 404; or is no JSON."""
    if number is None:
        return None
    try:
        return asker.get_any(f"{base}/{number}", {"_profile": "la-framed"})
    except (MissingError, BadQuestionError, NotJsonError):
        return None


def _candidates(asker: Asker, base: str, thing: _Object) -> Iterator[Candidate]:
    """Pictures that the museum lets nobody download are left out, though they are served."""
    for shown in thing.shows[:1]:
        visual = _Visual.model_validate(_record(asker, base, _number(shown.id)))
        stated = _rights(visual)
        known = {licences.normalise(text) for text in stated}
        for reference in visual.digitally_shown_by[:MAX_PICTURES]:
            picture = _Picture.model_validate(_record(asker, base, _number(reference.id)))
            if any(text.content == NOT_DOWNLOADABLE for text in picture.referred_to_by):
                continue
            for point in picture.access_point[:1]:
                yield Candidate(
                    url=point.id,
                    landing_url=thing.id,
                    licence=next(iter(known)) if len(known) == 1 else None,
                    licence_raw=next(iter(stated), None),
                    creator=_creator(thing.produced_by),
                    title=_title(thing.identified_by),
                )


def _rights(visual: _Visual) -> list[str]:
    ids = (kind.id for right in visual.subject_to for kind in right.classified_as)
    return [id_ for id_ in ids if any(place in id_ for place in RIGHTS)]


def _title(statements: Iterable[_Statement]) -> str | None:
    """The preferred one in English; or else one that is preferred, or in English, or any."""
    names = [name for name in statements if name.type == "Name" and name.content]
    best = sorted(names, key=lambda name: (not name.is_a(PREFERRED), not name.is_english))
    return next((name.content for name in best), None)


def _creator(produced: _Produced) -> str | None:
    """
    The first maker, by name; or else as the museum states it: "attributed to Rembrandt van Rijn".

    https://github.com/brookstalley/arrt tells the three shapes that there are.
    """
    places: list[tuple[_Production, str]] = [(part, MAKER_OF_PART) for part in produced.part]
    for production, kind in (*places, (produced, MAKER)):
        notations = [name for maker in production.carried_out_by for name in maker.notation]
        texts = [text for text in production.referred_to_by if text.is_a(kind)]
        named = sorted(notations, key=lambda name: name.language != "en")
        stated = sorted(texts, key=lambda text: not text.is_english)
        makers = [name.value for name in named]
        makers += [_without_evidence(text.content) for text in stated if text.content]
        if makers:
            return None if makers[0].lower() in NOBODY else makers[0]
    return None


def _without_evidence(statement: str) -> str:
    """The name in "Pieter Bruegel (I) (mentioned on object)"."""
    name, _, evidence = statement.rpartition(" (")
    return name if name and evidence[:1].islower() and evidence.endswith(")") else statement
