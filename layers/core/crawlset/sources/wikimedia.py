"""Wikimedia Commons, by the MediaWiki Action API. https://www.mediawiki.org/wiki/API:Search"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, NoReturn

import httpx
from pydantic import BaseModel, BeforeValidator, Field

from crawlset import licences
from crawlset.errors import SourceRefusedError, SourceThrottledError
from crawlset.settings import SourceSettings
from crawlset.sources.answers import DEFAULT_WAIT_SECONDS
from crawlset.sources.asking import Asker
from crawlset.sources.markup import text_of
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.sources.shapes import Address, Items, Named, Part, Text, Whole, page_of
from crawlset.wire.searches import SearchRequest

BASE = "https://commons.wikimedia.org"
PAGE_SIZE = 50
MAX_DEPTH = 10_000
GAP_SECONDS = 0.5
"""A caller without an account may ask 200 times a minute, one at a time."""
BUSY = frozenset({"maxlag", "ratelimited", "readonly"})
"""Codes that mean: later."""
LICENCE = ("LicenseUrl", "License", "LicenseShortName")
"""Where a licence may be stated, the best first."""
QUERY: dict[str, str | int] = {
    "action": "query",
    "format": "json",
    "formatversion": 1,
    "maxlag": 5,
    "prop": "imageinfo",
    "iiprop": "url|size|mime|extmetadata",
    "iiextmetadatafilter": "|".join((*LICENCE, "Artist", "Attribution")),
}

SEARCH: dict[str, str | int] = {
    "generator": "search",
    "gsrnamespace": 6,
    "gsrlimit": PAGE_SIZE,
}
MEMBERS: dict[str, str | int] = {
    "generator": "categorymembers",
    "gcmtype": "file",
    "gcmlimit": PAGE_SIZE,
}
BITMAPS = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/tiff"})
"""What `filetype:bitmap` finds; a category has drawings, sounds and books as well."""
_DEPICTS = re.compile(r"depicts:\s*(Q[1-9]\d{0,11})(?=\s|$)")


class _ImageInfo(BaseModel):
    url: Address
    mime: Text = None
    descriptionurl: Text = None
    width: Whole = None
    height: Whole = None
    extmetadata: Named = {}

    def said(self, name: str) -> str | None:
        """A value is text mostly, and a number now and then: the extension's version is 1.2."""
        value = self.extmetadata.get(name)
        said = value.get("value") if isinstance(value, dict) else None
        return text_of(str(said)) if isinstance(said, str | int | float) else None


class _File(BaseModel):
    """A file; one that administrators have hidden has image information without an address."""

    title: Text = None
    index: Whole = None
    imageinfo: list[_ImageInfo] = []


class _Query(BaseModel):
    pages: Items = []


class _Error(BaseModel):
    code: Text = None
    info: Text = None


def _error(value: Any) -> Any:
    return value if isinstance(value, dict) else None


class _Answer(BaseModel):
    query: Part[_Query] = _Query()
    error: Annotated[_Error | None, BeforeValidator(_error)] = None
    more: Annotated[Named, Field(alias="continue")] = {}


def search(
    request: SearchRequest, *, client: httpx.Client, settings: SourceSettings, cursor: Any = None
) -> Iterator[CandidatePage]:
    """
    Bitmaps whose page matches, 50 a page, to a depth of 10,000.

    A keyword `category:Cats of Berlin` takes the files of that category, of any number, and not
    those of its subcategories; `depicts:Q146` files that depict what Wikidata has as Q146. Whatever
    the search understands may stand in a keyword: https://www.mediawiki.org/wiki/Help:CirrusSearch.

    The cursor is what an answer says to ask with next; of an answer that would have been too
    large, that is the rest of the same files. https://www.mediawiki.org/wiki/API:Continue

    Raises:
        SourceThrottledError: its servers lag, or have been asked too often.
        SourceRefusedError: the query is wrong.
    """
    asker = Asker("wikimedia", client, gap_seconds=GAP_SECONDS)
    address = f"{settings.base_of('wikimedia', BASE)}/w/api.php"
    question, beginning = _question(request.keyword or "")
    query = QUERY | question
    more: dict[str, Any] | None = cursor or beginning
    while more is not None:
        answer = asker.get(address, query | more, _Answer)
        if answer.error is not None:
            _raise(answer.error)
        # Their order means nothing where they are an object by page id.
        files = sorted(answer.query.pages, key=_place)
        n_before, more = more.get("gsroffset"), _next(more, answer.more)
        is_counted = isinstance(n_before, int) and more is None
        total = len(files) + (n_before or 0) if is_counted else None
        yield page_of(files, _File, _candidates, total=total, cursor=more)


def _question(keyword: str) -> tuple[dict[str, str | int], dict[str, Any]]:
    """What to ask for, and where that begins. Raises `SourceRefusedError`."""
    name, _, rest = keyword.partition(":")
    if name == "category":
        title = rest.strip().removeprefix("Category:").strip()
        return MEMBERS | {"gcmtitle": f"Category:{title}"}, {}
    if name == "depicts" and not _DEPICTS.match(keyword):
        raise SourceRefusedError(
            "wikimedia searches what a file depicts by its number in Wikidata, as depicts:Q146."
        )
    words = _DEPICTS.sub(r"haswbstatement:P180=\1", keyword, count=1)
    return SEARCH | {"gsrsearch": f"filetype:bitmap {words}"}, {"gsroffset": 0}


def _next(asked: dict[str, Any], more: dict[str, Any]) -> dict[str, Any] | None:
    """What to ask with next; None at the end, at the depth, and where nothing moves."""
    texts = {name: value for name, value in more.items() if isinstance(value, str | int)}
    offset = texts.get("gsroffset", 0)
    is_deep = isinstance(offset, int) and offset >= MAX_DEPTH
    return None if not texts or is_deep or texts == asked else texts


def _place(file: Any) -> int:
    index = file.get("index") if isinstance(file, dict) else None
    return index if isinstance(index, int) else 0


def _raise(error: _Error) -> NoReturn:
    if error.code in BUSY:
        raise SourceThrottledError("wikimedia", DEFAULT_WAIT_SECONDS)
    raise SourceRefusedError(
        f"wikimedia refuses the search ({error.code}: {(error.info or '')[:200]})."
    )


def _candidates(file: _File) -> Iterator[Candidate]:
    for info in file.imageinfo[:1]:
        if info.mime is not None and info.mime not in BITMAPS:
            continue
        stated = [text for name in LICENCE if (text := info.said(name))]
        known = (licence for text in stated if (licence := licences.normalise(text)))
        name = (file.title or "").removeprefix("File:")
        yield Candidate(
            url=info.url,
            landing_url=info.descriptionurl,
            licence=next(known, None),
            licence_raw=next(iter(stated), None),
            creator=info.said("Artist"),
            attribution=info.said("Attribution"),
            title=name.rpartition(".")[0] or name or None,
            width=info.width,
            height=info.height,
        )
