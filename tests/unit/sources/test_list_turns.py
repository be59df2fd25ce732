"""A list of several files that is left and killed on its way makes the same parts as otherwise."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from crawlset.kit import objects
from crawlset.kit.json_lines import unpack_lines
from crawlset.settings import source_settings
from crawlset.sources import parts as parts_of
from crawlset.sources import urls
from crawlset.sources.discover import Bookmark, Discovered, SearchPausedError, discover
from crawlset.sources.protocol import CandidatePage
from crawlset.wire.candidates import CandidateLine, PartHead
from crawlset.wire.lists import ListedFile, ListHead
from crawlset.wire.record import pack, unpack
from crawlset.wire.searches import DiscoverMessage, SearchRequest
from tests.unit.sources.conftest import MakeMessage, Upload


class KilledError(BaseException):
    """The function is killed."""


class World(Bookmark):
    """A bucket, and a function that has time for one page, and is killed at a place."""

    def __init__(self, killed_at: int | None = None, *, in_turns: bool = True) -> None:
        self.killed_at = killed_at
        self.in_turns = in_turns
        self.n_steps = 0
        self.progress: bytes | None = None
        self.seen: dict[int, bytes] = {}
        self.objects: dict[str, bytes] = {}

    def step(self) -> None:
        self.n_steps += 1
        if self.n_steps == self.killed_at:
            raise KilledError

    def write(self, key: str, body: bytes) -> None:
        self.step()
        self.objects[key] = bytes(body)

    def load(self) -> bytes | None:
        return self.progress

    def save(self, progress: bytes) -> None:
        self.step()
        self.progress = progress

    def load_seen(self, n_pauses: int) -> Iterator[bytes]:
        return (self.seen[pause] for pause in range(1, n_pauses + 1))

    def save_seen(self, n_pauses: int, seen: bytes) -> None:
        self.step()
        self.seen[n_pauses] = seen

    def is_time_up(self) -> bool:
        return self.in_turns

    def ask(self, request: SearchRequest, cursor: Any) -> Iterator[CandidatePage]:
        client = httpx.Client(trust_env=False)
        pages = urls.search(request, client=client, settings=source_settings(), cursor=cursor)
        for page in pages:
            self.step()
            yield page

    def run(self, message: DiscoverMessage) -> Discovered:
        n_pauses = 0
        while True:
            try:
                return discover(
                    replace(message, n_pauses=n_pauses),
                    ask=self.ask,
                    write=self.write,
                    is_cancelled=lambda: False,
                    bookmark=self,
                )
            except SearchPausedError as pause:
                n_pauses = pause.n_pauses
            except KilledError:
                continue

    def lines(self) -> list[tuple[int, list[CandidateLine]]]:
        """What is in each part, and how many rows were repeated."""
        return [(head.n_repeated, lines) for head, lines in self.parts()]

    def parts(self) -> list[tuple[PartHead, list[CandidateLine]]]:
        return [
            unpack(PartHead, CandidateLine, unpack_lines(self.objects[key]))
            for key in sorted(self.objects)
        ]


@pytest.fixture
def message(
    upload: Upload, make_message: MakeMessage, monkeypatch: pytest.MonkeyPatch
) -> DiscoverMessage:
    """Three lists, of which the second is none; the third has rows of the first again."""
    monkeypatch.setattr(parts_of, "CANDIDATES_PER_PART", 1_500)
    upload(b"")
    first = "".join(f"https://a.example/{n}.jpg\n" for n in range(6_000))
    third = "url,caption\n" + "".join(
        f"https://a.example/{n}.jpg,of {n}\n" for n in range(2_000, 8_000)
    )
    for name, body in {"a.txt": first, "b.csv": "x\n", "c.csv": third}.items():
        objects.put(f"uploads/someone/{name}", body.encode())
    files = [ListedFile(f"uploads/someone/{name}", name) for name in ("a.txt", "b.csv", "c.csv")]
    objects.put("uploads/someone/index", pack(ListHead(3, 1_000_000), files))
    return make_message(
        source="urls", keyword=None, lists_key="uploads/someone/index", limit=1_000_000
    )


@pytest.fixture
def whole(message: DiscoverMessage) -> World:
    world = World(in_turns=False)
    world.run(message)
    return world


def test_files_are_read_in_their_order_as_one_list(whole: World) -> None:
    lines = [line for _, lines in whole.parts() for line in lines]
    firsts = [line for line in lines if not line.is_further]
    further = [line for line in lines if line.is_further]
    last, _ = whole.parts()[-1]

    assert [line.url for line in firsts] == [f"https://a.example/{n}.jpg" for n in range(8_000)]
    assert [line.rank for line in firsts] == [*range(1, 6_001), *range(10_001, 12_001)]
    assert [line.title for line in further] == [f"of {n}" for n in range(2_000, 6_000)]
    assert last.read is not None
    assert (last.read.n_rows, last.read.n_unread) == (12_000, 1)
    [unread] = last.read.unread
    assert (unread.name, unread.reason) == (
        "b.csv",
        "There is no URL in the list; it begins with 'x'.",
    )


def test_turns_and_deaths_change_nothing(whole: World, message: DiscoverMessage) -> None:
    in_turns = World()
    in_turns.run(message)
    killed = [World(place) for place in random.Random(0).sample(range(1, in_turns.n_steps), 3)]
    for world in killed:
        world.run(message)

    assert len(in_turns.seen) > 3
    for world in [in_turns, *killed]:
        assert world.lines() == whole.lines()
        assert world.parts()[-1] == whole.parts()[-1]
