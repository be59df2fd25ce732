"""The sample site's search API: what it understands, and what a hit looks like."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

from crawlset_local.sample_site.catalogue import Work, catalogue
from crawlset_local.sample_site.pictures import dimensions

MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 20
MAX_MANIFEST_LINES = 1_000_000


class BadQueryError(ValueError):
    """The query string asks for something the API does not have."""


@dataclass(frozen=True)
class SearchQuery:
    """`licences` empty means any, a missing one included."""

    words: str
    page: int
    page_size: int
    licences: frozenset[str]


def parse_search(query: str) -> SearchQuery:
    """Raises BadQueryError for a parameter that is unknown, repeated, missing or out of range."""
    parameters = _parameters(query, {"q", "page", "page_size", "licence"})
    words = " ".join(parameters.get("q", "").casefold().split())
    if not words:
        raise BadQueryError("q: say what to search for")
    return SearchQuery(
        words=words,
        page=_number(parameters, "page", default=1, most=1_000_000),
        page_size=_number(parameters, "page_size", DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE),
        licences=frozenset(filter(None, parameters.get("licence", "").lower().split(","))),
    )


def parse_manifest_count(query: str) -> int:
    """Raises BadQueryError as `parse_search` does."""
    return _number(_parameters(query, {"count"}), "count", 10_000, MAX_MANIFEST_LINES)


def search(query: SearchQuery, port: int) -> dict[str, Any]:
    """One page of works that have every word among their keywords; empty beyond the last."""
    hits = [work for work in catalogue() if work.is_listed and _matches(work, query)]
    first = (query.page - 1) * query.page_size
    return {
        "query": query.words,
        "page": query.page,
        "page_size": query.page_size,
        "total": len(hits),
        "results": [describe(work, port) for work in hits[first : first + query.page_size]],
    }


def describe(work: Work, port: int) -> dict[str, Any]:
    """A work as a search tells it: as it ought to be, not as it answers."""
    width, height = dimensions(work.picture)
    return {
        "id": work.id,
        "url": work_url(work, port),
        "title": work.title,
        "author": work.author,
        "licence": work.licence.name if work.licence else None,
        "licence_url": work.licence.url if work.licence else None,
        "landing_url": f"{origin(work, port)}/works/{work.id}",
        "width": width,
        "height": height,
        "format": work.picture.encoding.value,
        "keywords": list(work.keywords),
    }


def origin(work: Work, port: int) -> str:
    return f"http://{work.host}.localhost:{port}"


def work_url(work: Work, port: int) -> str:
    return origin(work, port) + quote(work.path)


def _matches(work: Work, query: SearchQuery) -> bool:
    if query.licences and (work.licence is None or work.licence.code not in query.licences):
        return False
    return all(word in work.keywords for word in query.words.split())


def _parameters(query: str, known: set[str]) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    parameters = dict(pairs)
    if unknown := parameters.keys() - known:
        raise BadQueryError(f"{', '.join(sorted(unknown))}: no such parameter")
    if len(parameters) < len(pairs):
        raise BadQueryError("a parameter may be given once only")
    return parameters


def _number(parameters: Mapping[str, str], name: str, default: int, most: int) -> int:
    given = parameters.get(name, str(default))
    if not (given.isascii() and given.isdecimal() and 1 <= int(given) <= most):
        raise BadQueryError(f"{name}: must be a whole number from 1 to {most}")
    return int(given)
