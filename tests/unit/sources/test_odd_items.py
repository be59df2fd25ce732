"""
One rule for every adapter: what is odd in one item costs that item, or that field of it, only.

Whatever part of the first item of an answer is missing, null, of another type, spelled otherwise,
HTML or ten times as long: the candidates of the others still come.
"""

import copy
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import httpx
import pytest

from crawlset.settings import SourceSettings
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.searches import IntendedUse, SearchRequest
from tests.unit.sources import museum_answers, source_answers
from tests.unit.sources.fake_source import SETTINGS, FakeSource

Fake = Callable[[int], FakeSource]
FAKES: dict[str, Fake] = {
    "openverse": source_answers.openverse,
    "wikimedia": source_answers.wikimedia,
    "gbif": source_answers.gbif,
    "inaturalist": source_answers.inaturalist,
    "met": source_answers.met,
    "artic": source_answers.artic,
    "nasa": source_answers.nasa,
    "cleveland": museum_answers.cleveland,
    "library_of_congress": museum_answers.library_of_congress,
    "rijksmuseum": museum_answers.rijksmuseum,
    "europeana": source_answers.europeana,
    "smithsonian": source_answers.smithsonian,
    "flickr": source_answers.flickr,
    "brave": source_answers.brave,
    "bing": lambda total: source_answers.serpapi("bing", total, 3),
}
ITEMS: dict[str, tuple[str, ...]] = {
    "openverse": ("results",),
    "wikimedia": ("query", "pages"),
    "gbif": ("results",),
    "inaturalist": ("results",),
    "met": (),
    "artic": ("data",),
    "nasa": ("collection", "items"),
    "cleveland": ("data",),
    "library_of_congress": ("results",),
    "rijksmuseum": ("orderedItems",),
    "europeana": ("items",),
    "smithsonian": ("response", "rows"),
    "flickr": ("photos", "photo"),
    "brave": ("results",),
    "bing": ("images_results",),
}
"""Where the items of an answer are; an answer of the museum is one item."""
ODD: tuple[Any, ...] = (
    None,
    7,
    -1.5,
    True,
    "",
    "<a href='/x'>Ada</a>",
    [],
    [None],
    {},
    {"x": [1]},
    "long " * 2_000,
)
Path = tuple[str | int, ...]


def paths(value: Any, above: Path = ()) -> Iterator[Path]:
    """Of every part of JSON data, itself included."""
    yield above
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths(part, (*above, key))


def place(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def changed(item: Any, path: Path) -> Iterator[Any]:
    """The item with the part at `path` in every odd way."""
    if not path:
        yield from ODD
        return
    *above, key = path
    for odd in ODD:
        broken = copy.deepcopy(item)
        place(broken, (*above,))[key] = odd
        yield broken
    broken = copy.deepcopy(item)
    holder = place(broken, (*above,))
    part = holder.pop(key)
    yield copy.deepcopy(broken)
    if isinstance(key, str):
        holder[key.swapcase()] = part
        yield broken


def first_of(items: Any) -> Any:
    """Where the first item is; Wikimedia's fake has the last one first."""
    return list(items)[-1] if isinstance(items, dict) else 0


def broken_answers(name: str, answer: Any) -> Iterator[Any]:
    """`answer` with its first item in every odd way."""
    items = place(answer, ITEMS[name])
    key = first_of(items)
    for path in paths(items[key]):
        for item in changed(items[key], path):
            broken = copy.deepcopy(answer)
            place(broken, ITEMS[name])[key] = item
            yield broken


def search(
    name: str, fake: FakeSource, cursor: Any = None, settings: SourceSettings = SETTINGS
) -> Iterator[CandidatePage]:
    request = SearchRequest(
        source=name, keyword="cat", limit=100_000, intended_use=IntendedUse.research
    )
    adapter = import_module(f"crawlset.sources.{name}")
    client = httpx.Client(transport=httpx.MockTransport(fake.respond), trust_env=False)
    found: Iterator[CandidatePage] = adapter.search(
        request, client=client, settings=settings, cursor=cursor
    )
    return found


def urls(pages: Iterator[CandidatePage]) -> set[str]:
    return {candidate.url for page in pages for candidate in page}


@pytest.mark.parametrize("name", sorted(set(FAKES) - {"met", "rijksmuseum"}))
def test_an_odd_item_costs_no_other(name: str) -> None:
    whole = FAKES[name](3)
    of_first = {c.url for c in next(iter(search(name, FAKES[name](1))))}
    others = urls(search(name, whole)) - of_first
    asked = [request for request in whole.asked if "match" not in request.url.path]
    answer = whole.answer(asked[0].url.path, dict(asked[0].url.params))
    n_broken = 0
    for broken in broken_answers(name, answer):
        page = next(iter(search(name, FakeSource(name, _instead(whole, broken)))))

        assert others <= {candidate.url for candidate in page}
        assert all(isinstance(candidate, Candidate) for candidate in page)
        n_broken += 1
    assert n_broken > 70


def _instead(whole: FakeSource, answer: Any) -> Callable[[str, dict[str, str]], Any]:
    return lambda path, params: whole.answer(path, params) if "match" in path else answer


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("met", "/objects/0"),
        *(("rijksmuseum", f"/{number}") for number in ("20010", "20210", "50010")),
        ("rijksmuseum", "/search/collection"),
    ],
)
def test_an_odd_object_costs_no_other(name: str, record: str) -> None:
    """Of sources that are asked for each object."""
    whole = FAKES[name](3)
    others = urls(search(name, FAKES[name](3))) - urls(search(name, FAKES[name](1)))
    found = whole.answer(record, {})
    is_search = record == "/search/collection"
    for broken in broken_answers(name, found) if is_search else odd(found):
        fake = FakeSource(name, partial(_instead_of, record, broken, whole))

        assert others <= urls(search(name, fake))
    assert others


def _instead_of(
    record: str, answer: Any, whole: FakeSource, path: str, params: dict[str, str]
) -> Any:
    return answer if path.endswith(record) else whole.answer(path, params)


def odd(item: Any) -> Iterator[Any]:
    """The item with each of its parts in every odd way."""
    for path in paths(item):
        yield from changed(item, path)


def test_what_is_skipped_is_counted() -> None:
    whole = source_answers.openverse(3)

    def answer(path: str, params: dict[str, str]) -> Any:
        found = whole.answer(path, params)
        found["results"][0]["url"] = None
        found["results"][1] = "gone"
        return found

    [page] = search("openverse", FakeSource("openverse", answer))

    assert (len(page), page.n_skipped) == (1, 2)


@pytest.mark.parametrize("name", sorted(FAKES))
def test_a_search_goes_on_from_every_cursor(name: str) -> None:
    """Each page is asked for once, however often the search stops between two."""
    total = {
        "met": 35,
        "rijksmuseum": 125,
        "gbif": 1_000,
        "smithsonian": 1_400,
        "flickr": 1_400,
        "bing": 8,
    }
    n = total.get(name, 230)
    whole, stopped = FAKES[name](n), FAKES[name](n)
    pages = list(search(name, whole))

    cursor: Any = None
    found: list[CandidatePage] = []
    while cursor is not None or not found:
        page = next(search(name, stopped, cursor))
        found.append(page)
        cursor = page.cursor

    assert found == pages
    assert [str(r.url) for r in stopped.asked] == [str(r.url) for r in whole.asked]
    assert len(pages) > 1 or name == "brave"
