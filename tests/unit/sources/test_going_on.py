"""A search that is interrupted goes on where it was, and asks nothing twice."""

import random
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

import httpx
import pytest

from crawlset.kit.json_lines import unpack_lines
from crawlset.sources import parts as parts_of
from crawlset.sources.discover import Bookmark, Discovered, SearchPausedError, discover
from crawlset.sources.protocol import CandidatePage
from crawlset.wire.candidates import CandidateLine, PartHead, Query
from crawlset.wire.record import unpack
from crawlset.wire.searches import DiscoverMessage, SearchRequest
from tests.unit.sources import source_answers
from tests.unit.sources.conftest import MakeMessage
from tests.unit.sources.fake_source import SETTINGS, FakeSource

N = 730
"""Items of the fake: eight pages of a hundred, the last one short."""


class KilledError(BaseException):
    """The function is killed."""


class World:
    """A source, a bucket, and a function that is killed at places that are chosen."""

    def __init__(self, fake: FakeSource, killed_at: int | None = None, turn: int = 1_000) -> None:
        self.fake = fake
        self.killed_at = killed_at
        self.turn = turn
        self.n_steps = 0
        self.objects: dict[str, bytes] = {}
        self.client = httpx.Client(transport=httpx.MockTransport(fake.respond), trust_env=False)

    def step(self) -> None:
        """Die, if this is the place."""
        self.n_steps += 1
        if self.n_steps == self.killed_at:
            raise KilledError

    def write(self, key: str, body: bytes) -> None:
        self.step()
        self.objects[key] = bytes(body)
        self.step()

    def ask(self, request: SearchRequest, cursor: Any) -> Iterator[CandidatePage]:
        adapter = import_module(f"crawlset.sources.{self.fake.name}")
        for page in adapter.search(request, client=self.client, settings=SETTINGS, cursor=cursor):
            self.step()
            yield page

    def run(self, message: DiscoverMessage, queries: list[Query] | None = None) -> Discovered:
        return discover(
            message,
            ask=self.ask,
            write=self.write,
            is_cancelled=lambda: False,
            expand=(lambda _: queries) if queries else None,
            bookmark=Kept(self),
        )

    def parts(self) -> list[tuple[PartHead, list[CandidateLine]]]:
        keys = sorted(key for key in self.objects if key != "progress")
        return [unpack(PartHead, CandidateLine, unpack_lines(self.objects[key])) for key in keys]

    def urls(self) -> list[str]:
        return [line.url for _, lines in self.parts() for line in lines]


class Kept(Bookmark):
    """A bookmark in a world's bucket, for as many pages as a turn has."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.n_saved = 0

    def load(self) -> bytes | None:
        return self.world.objects.get("progress")

    def save(self, progress: bytes) -> None:
        self.n_saved += 1
        self.world.write("progress", progress)

    def is_time_up(self) -> bool:
        return self.n_saved + 1 >= self.world.turn


def items() -> FakeSource:
    return source_answers.europeana(N)


def go_on(world: World, message: DiscoverMessage, queries: list[Query] | None = None) -> int:
    """Run it until it has ended; give how often it has made way."""
    n_pauses = 0
    while True:
        try:
            world.run(replace(message, n_pauses=n_pauses), queries)
        except SearchPausedError as pause:
            n_pauses = pause.n_pauses
            queries = queries and [Query("asked twice", "model")]
        else:
            return n_pauses


@pytest.fixture
def whole(make_message: MakeMessage, monkeypatch: pytest.MonkeyPatch) -> World:
    """A search that nothing interrupted."""
    monkeypatch.setattr(parts_of, "CANDIDATES_PER_PART", 150)
    world = World(items())
    world.run(make_message(source="europeana", limit=10_000))
    return world


def test_ends_with_the_same_wherever_it_is_killed(whole: World, make_message: MakeMessage) -> None:
    message = make_message(source="europeana", limit=10_000)
    places = random.Random(0).sample(range(1, whole.n_steps + 1), 20)

    for place in places:
        world = World(items(), killed_at=place)
        with pytest.raises(KilledError):
            world.run(message)
        world.run(message)

        assert world.parts() == whole.parts()
        assert len(world.fake.asked) - len(whole.fake.asked) in {0, 1}


def test_makes_way_for_others_and_asks_for_no_page_twice(
    whole: World, make_message: MakeMessage
) -> None:
    message = make_message(source="europeana", limit=10_000)
    world = World(items(), turn=2)
    n_pauses = go_on(world, message)

    assert n_pauses == 3
    assert [str(request.url) for request in world.fake.asked] == [
        str(request.url) for request in whole.fake.asked
    ]
    assert world.urls() == whole.urls()
    assert [head.n_parts for head, _ in world.parts()][-1] == len(world.parts())


def test_a_message_from_before_a_pause_takes_nothing_further(make_message: MakeMessage) -> None:
    message = make_message(source="europeana", limit=10_000)
    world = World(items(), turn=1)
    with pytest.raises(SearchPausedError):
        world.run(message)
    n_asked = len(world.fake.asked)

    with pytest.raises(SearchPausedError) as again:
        world.run(message)

    assert again.value.n_pauses == 1
    assert len(world.fake.asked) == n_asked


def test_another_run_of_the_job_begins_anew(make_message: MakeMessage) -> None:
    message = make_message(source="europeana", limit=10_000)
    world = World(items(), turn=3)
    with pytest.raises(SearchPausedError):
        world.run(message)
    asked = [str(request.url) for request in world.fake.asked]
    world.fake.asked.clear()

    with pytest.raises(SearchPausedError):
        world.run(replace(message, run=2, attempt=2))

    assert [str(request.url) for request in world.fake.asked] == asked


def test_goes_on_in_the_query_it_was_at(make_message: MakeMessage) -> None:
    """Each query has its share, and the words that a model suggested are asked for once."""
    message = make_message(source="europeana", limit=600)
    queries = [Query("cat", "keyword"), Query("cats", "plural")]
    whole, world = World(items()), World(items(), turn=2)
    whole.run(message, queries)

    go_on(world, message, queries)

    assert [str(r.url) for r in world.fake.asked] == [str(r.url) for r in whole.fake.asked]
    assert [head.queries for head, _ in world.parts()] == [queries] * len(world.parts())
