"""Read many members of packs by few ranged requests, some of them ahead."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

MAX_GAP = 64 << 10
"""Bytes that cost less to read in passing than a request of their own."""
MAX_WINDOW = 8 << 20
N_AHEAD = 4

GetRange = Callable[[str, int, int], bytes]
"""(key, offset, length) -> those bytes."""


@dataclass(frozen=True, slots=True)
class Member:
    """An image in a pack, and what it is called in the export."""

    image_id: int
    pack_key: str
    offset: int
    length: int
    sha256: bytes
    name: str


@dataclass(slots=True)
class Window:
    """Neighbours in one pack, read by one request."""

    pack_key: str
    start: int
    end: int
    members: list[Member] = field(default_factory=list)


def windows(members: Iterable[Member]) -> Iterator[Window]:
    """Members in the order given; neighbours are those that follow each other in their pack."""
    window: Window | None = None
    for member in members:
        end = member.offset + member.length
        if (
            window is None
            or member.pack_key != window.pack_key
            or not 0 <= member.offset - window.end <= MAX_GAP
            or end - window.start > MAX_WINDOW
        ):
            if window is not None:
                yield window
            window = Window(member.pack_key, member.offset, end)
        window.end = end
        window.members.append(member)
    if window is not None:
        yield window


def read(
    members: Iterable[Member], get_range: GetRange
) -> Generator[tuple[Member, bytes], None, None]:
    """
    Each member with its bytes, in order.

    At most `N_AHEAD` windows are in memory besides the one being used: 40 MiB, or more by as much
    as a single image exceeds `MAX_WINDOW`.
    """
    waiting = windows(members)
    with ThreadPoolExecutor(N_AHEAD) as pool:

        def ask(window: Window) -> tuple[Window, Future[bytes]]:
            length = window.end - window.start
            return window, pool.submit(get_range, window.pack_key, window.start, length)

        asked = deque(ask(window) for window in islice(waiting, N_AHEAD))
        try:
            while asked:
                window, answer = asked.popleft()
                body = memoryview(answer.result())
                asked.extend(ask(following) for following in islice(waiting, 1))
                for member in window.members:
                    begin = member.offset - window.start
                    yield member, bytes(body[begin : begin + member.length])
        finally:
            for _, answer in asked:
                answer.cancel()
