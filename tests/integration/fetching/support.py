"""What the tests of the fetch engine share."""

import socket
import threading
from collections.abc import Callable

from crawlset.fetching.candidates import UrlOutcome
from crawlset.fetching.chunk import ChunkResult
from crawlset.fetching.limits import Limits

USER_AGENT = "Crawlset/0.1 (+tests@example.org)"
QUICK = Limits(
    backoff_seconds=0.01,
    connect_seconds=2,
    first_byte_seconds=2,
    slow_seconds=0.4,
    total_seconds=5,
    body_bytes=1 << 20,
)

Fetch = Callable[..., ChunkResult]


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
