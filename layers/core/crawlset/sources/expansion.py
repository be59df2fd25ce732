"""What else to ask a source for, besides a keyword itself."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from pluralizer import Pluralizer

from crawlset.wire.candidates import Query
from crawlset.wire.searches import Expansion

MAX_QUERIES = 10
MAX_QUERY_CHARS = 100

Translate = Callable[[str, tuple[str, ...]], Mapping[str, str]]
"""(keyword, languages) -> its word in each language that has one."""
Suggest = Callable[[str], Iterable[str]]


def expand(
    keyword: str, wanted: Expansion, *, translate: Translate, suggest: Suggest
) -> list[Query]:
    """
    The keyword, then its plural, its translations and what a model suggests; ten at most.

    Words that differ in case only are one.
    """
    queries: dict[str, Query] = {}
    for query in _queries(keyword, wanted, translate, suggest):
        text = " ".join(query.query.split())[:MAX_QUERY_CHARS]
        if text and text.isprintable():
            queries.setdefault(text.casefold(), Query(text, query.by))
    return list(queries.values())[:MAX_QUERIES]


def _queries(
    keyword: str, wanted: Expansion, translate: Translate, suggest: Suggest
) -> Iterator[Query]:
    yield Query(keyword, "keyword")
    if wanted.plurals:
        yield Query(_plural(keyword), "plural")
    if wanted.languages:
        labels = translate(keyword, wanted.languages)
        for language in wanted.languages:
            if language in labels:
                yield Query(labels[language], f"language:{language}")
    if wanted.suggestions:
        for suggestion in suggest(keyword):
            yield Query(suggestion, "model")


def _plural(keyword: str) -> str:
    """Form the English plural of the keyword's last word."""
    plural: str = Pluralizer().plural(keyword)  # type: ignore[no-untyped-call]
    return plural
