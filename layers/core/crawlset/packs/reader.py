"""Read many members of packs by few ranged requests, some of them ahead."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

MAX_GAP = 256 << 10
"""Bytes that cost less to read in passing than a request of their own: some 3 ms of a Lambda's."""
MAX_WINDOW = 8 << 20
N_AHEAD = 4

GetRange = Callable[[str, int, int], bytes]
"""(key, offset, length) -> those bytes."""


class Span(Protocol):
    """A range of a pack."""

    @property
    def pack_key(self) -> str: ...
    @property
    def offset(self) -> int: ...
    @property
    def length(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Place:
    pack_key: str
    offset: int
    length: int


@dataclass(slots=True)
class Window[S: Span]:
    """Neighbours in one pack, read by one request."""

    pack_key: str
    start: int
    end: int
    spans: list[S] = field(default_factory=list)


def windows[S: Span](spans: Iterable[S]) -> Iterator[Window[S]]:
    """Spans in the order given; neighbours are those that follow each other in their pack."""
    window: Window[S] | None = None
    for span in spans:
        end = span.offset + span.length
        if (
            window is None
            or span.pack_key != window.pack_key
            or not 0 <= span.offset - window.end <= MAX_GAP
            or end - window.start > MAX_WINDOW
        ):
            if window is not None:
                yield window
            window = Window(span.pack_key, span.offset, end)
        window.end = end
        window.spans.append(span)
    if window is not None:
        yield window


def read[S: Span](
    spans: Iterable[S], get_range: GetRange
) -> Generator[tuple[S, bytes], None, None]:
    """
    Each span with its bytes, in order.

    At most `N_AHEAD` windows are in memory besides the one being used: 40 MiB, or more by as much
    as a single image exceeds `MAX_WINDOW`.
    """
    waiting = windows(spans)
    with ThreadPoolExecutor(N_AHEAD) as pool:

        def ask(window: Window[S]) -> tuple[Window[S], Future[bytes]]:
            length = window.end - window.start
            return window, pool.submit(get_range, window.pack_key, window.start, length)

        asked = deque(ask(window) for window in islice(waiting, N_AHEAD))
        try:
            while asked:
                window, answer = asked.popleft()
                body = memoryview(answer.result())
                asked.extend(ask(following) for following in islice(waiting, 1))
                for span in window.spans:
                    begin = span.offset - window.start
                    yield span, bytes(body[begin : begin + span.length])
        finally:
            for _, answer in asked:
                answer.cancel()
