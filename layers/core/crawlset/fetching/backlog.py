"""How far the decoders are behind the downloads, so that the bodies between them stay few."""

from collections.abc import Iterator
from contextlib import contextmanager

from crawlset.kit.event_loop import Loop, Promise


class Backlog:
    """Counts bytes that wait to be decoded; makes transfers wait while they are `max_bytes`."""

    def __init__(self, loop: Loop, max_bytes: int) -> None:
        self._loop = loop
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self._room: Promise[None] | None = None

    @contextmanager
    def holding(self, n_bytes: int) -> Iterator[None]:
        """Count `n_bytes` as waiting for as long as the block lasts."""
        self._n_bytes += n_bytes
        try:
            yield
        finally:
            self._n_bytes -= n_bytes
            if self._room is not None and self._n_bytes < self._max_bytes:
                self._room.settle(None)
                self._room = None

    async def wait_for_room(self) -> None:
        while self._n_bytes >= self._max_bytes:
            if self._room is None:
                self._room = Promise(self._loop)
            await self._room
