"""The Metropolitan Museum of Art. https://metmuseum.github.io/"""

from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import BaseModel

from crawlset.errors import SourceError, SourceRefusedError, SourceThrottledError
from crawlset.settings import SourceSettings
from crawlset.sources.answers import MissingError
from crawlset.sources.asking import Asker
from crawlset.sources.protocol import Candidate, CandidatePage, SourceUnavailableError
from crawlset.sources.shapes import Items, Text, Texts, Truth, page_of
from crawlset.wire.searches import SearchRequest

BASE = "https://collectionapi.metmuseum.org"
PAGE_SIZE = 10
"""Each object is a question of its own."""
GAP_SECONDS = 2.0
"""
Its documentation allows 80 questions a second, but its firewall shuts out who asks more than thirty
in a short time, for half a minute or longer: https://github.com/metmuseum/openaccess/issues/60.
"""
SHUT_OUT_SECONDS = 90.0


class _Found(BaseModel):
    objectIDs: Items = []  # noqa: N815 - as the museum has it


class _Thing(BaseModel):
    isPublicDomain: Truth = False  # noqa: N815
    primaryImage: Text = None  # noqa: N815
    additionalImages: Texts = []  # noqa: N815
    artistDisplayName: Text = None  # noqa: N815
    title: Text = None
    objectURL: Text = None  # noqa: N815


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """
    Every image of the objects that match; one that is not in the public domain has none.

    The cursor holds the ids of the objects that are not asked for yet: the museum names all of
    them in its first answer.
    """
    asker = Asker("met", client, gap_seconds=GAP_SECONDS, shut_out_seconds=SHUT_OUT_SECONDS)
    base = f"{settings.base_of('met', BASE)}/public/collection/v1"
    if cursor is None:
        wanted = {"hasImages": "true", "q": request.keyword or ""}
        found = asker.get(f"{base}/search", wanted, _Found).objectIDs
        ids = [id_ for id_ in found if isinstance(id_, int)]
        total = len(ids)
    else:
        ids, total = cursor["ids"], cursor["total"]
    while ids:
        asked, ids = ids[:PAGE_SIZE], ids[PAGE_SIZE:]
        things = [_object(asker, f"{base}/objects/{id_}") for id_ in asked]
        yield page_of(
            things,
            _Thing,
            _candidates,
            total=total,
            cursor={"ids": ids, "total": total} if ids else None,
        )


def _object(asker: Asker, address: str) -> Any:
    """None for one that is named and not there: issues 47 and 56; or is answered by no JSON."""
    try:
        return asker.get_any(address, {})
    except MissingError:
        return None
    except (SourceThrottledError, SourceUnavailableError, SourceRefusedError):
        raise
    except SourceError:
        return None


def _candidates(thing: _Thing) -> Iterator[Candidate]:
    for url in (thing.primaryImage, *thing.additionalImages):
        if url:
            yield Candidate(
                url=url,
                landing_url=thing.objectURL,
                licence="cc0-1.0" if thing.isPublicDomain else None,
                licence_raw=f"isPublicDomain: {str(thing.isPublicDomain).lower()}",
                creator=thing.artistDisplayName,
                title=thing.title,
            )
