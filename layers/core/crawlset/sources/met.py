"""The Metropolitan Museum of Art. https://metmuseum.github.io/"""

from collections.abc import Iterator

import httpx
from pydantic import BaseModel

from crawlset.settings import SourceSettings
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.searches import SearchRequest

BASE = "https://collectionapi.metmuseum.org"
PAGE_SIZE = 20
"""Each object is a question of its own."""
GAP_SECONDS = 0.1


class _Found(BaseModel):
    objectIDs: list[int] | None = None  # noqa: N815 - as the museum has it


class _Thing(BaseModel):
    isPublicDomain: bool = False  # noqa: N815
    primaryImage: str = ""  # noqa: N815
    additionalImages: list[str] = []  # noqa: N815
    artistDisplayName: str | None = None  # noqa: N815
    title: str | None = None
    objectURL: str | None = None  # noqa: N815


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings
) -> Iterator[CandidatePage]:
    """Every image of the objects that match; one that is not in the public domain has none."""
    asker = Asker("met", client, gap_seconds=GAP_SECONDS)
    base = f"{settings.base_of('met', BASE)}/public/collection/v1"
    wanted = {"hasImages": "true", "q": request.keyword or ""}
    ids = asker.get(f"{base}/search", wanted, _Found).objectIDs or []
    for start in range(0, len(ids), PAGE_SIZE):
        things = [
            asker.get(f"{base}/objects/{id_}", {}, _Thing) for id_ in ids[start : start + PAGE_SIZE]
        ]
        page = [candidate for thing in things for candidate in _candidates(thing)]
        if page:
            yield CandidatePage(page, total=len(ids))


def _candidates(thing: _Thing) -> Iterator[Candidate]:
    for url in (thing.primaryImage, *thing.additionalImages):
        if url:
            yield Candidate(
                url=url,
                landing_url=thing.objectURL,
                licence="cc0-1.0" if thing.isPublicDomain else None,
                licence_raw=f"isPublicDomain: {str(thing.isPublicDomain).lower()}",
                creator=thing.artistDisplayName or None,
                title=thing.title,
            )
