"""What the tests of the fetch engine share."""

import socket
import threading
from collections.abc import Callable
from dataclasses import replace

from crawlset.fetching.chunk import ChunkResult
from crawlset.fetching.limits import Limits
from crawlset.imaging.features import Features, Rejection, Take
from crawlset.imaging.pool import DecodePool
from crawlset.kit.spool import Body
from crawlset.resizing import Resize
from crawlset.wire.outcomes import UrlOutcome

USER_AGENT = "Crawlset/0.1 (+tests@example.org)"
QUICK = Limits(
    backoff_seconds=0.01,
    connect_seconds=30,
    first_byte_seconds=30,
    slow_seconds=30,
    total_seconds=120,
    body_bytes=1 << 20,
)
"""Tries again soon, and leaves no server that a busy machine makes slow."""
IMPATIENT = replace(QUICK, first_byte_seconds=2, slow_seconds=0.4)
"""For servers that are too slow on purpose."""

ROUNDING = 0.001
"""Of the seconds for which a URL is deferred."""

Fetch = Callable[..., ChunkResult]


class WatchedPool(DecodePool):
    """A pool that tells a test what becomes of its pictures."""

    def __init__(self, n_children: int) -> None:
        super().__init__(n_children)
        self.is_given = threading.Event()
        """A child has been sent a picture."""
        self.has_answered = threading.Event()

    def decode(
        self,
        picture: Body,
        done: Callable[[Features | Rejection], None],
        asked: Resize | Take | None = None,
    ) -> None:
        def answer(seen: Features | Rejection) -> None:
            done(seen)
            self.has_answered.set()

        super().decode(picture, answer, asked)
        self.is_given.set()


def only(result: ChunkResult) -> UrlOutcome:
    (outcome,) = result.outcomes
    return outcome


def trickle(first: bytes, piece: bytes, pause: float) -> Callable[[socket.socket], None]:
    """A page that begins with `first` and goes on for ever, or until the reader has enough."""
    hung_up = threading.Event()

    def page(connection: socket.socket) -> None:
        connection.sendall(first)
        while not hung_up.wait(pause):
            connection.sendall(piece)

    return page
