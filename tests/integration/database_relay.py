"""What stands between the code under test and PostgreSQL, and can be cut."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import URL

LOOPBACK = "127.0.0.1"


class Relay:
    """Relays connections to `upstream`, a port of the loopback, until it is cut."""

    def __init__(self, upstream: int) -> None:
        self.is_away = False
        self.n_accepted = 0
        self.n_round_trips = 0
        """How often a client has spoken after the server had, or first."""
        self._upstream = upstream
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._words: list[bytes] = []
        self._is_answered = False
        self._awaits_answer = False

    def cut(self) -> None:
        """End every connection, as a server that goes down does."""
        self._awaits_answer = False
        while self._pairs:
            for end in self._pairs.pop():
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def cut_at(self, *words: bytes, is_answered: bool = False) -> None:
        """
        Cut once statements with these words have been sent, in this order: before the server has
        read the last, or when it has answered it and nobody has heard.
        """
        self._words = [*words]
        self._is_answered = is_answered

    @property
    def is_to_be_cut(self) -> bool:
        return bool(self._words)

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                break
            self.n_accepted += 1
            if self.is_away:
                client.close()
            else:
                threading.Thread(target=self._pour, args=(client,)).start()

    def _pour(self, client: socket.socket) -> None:
        with client, socket.create_connection((LOOPBACK, self._upstream)) as server:
            self._pairs.append((client, server))
            last = server
            with suppress(OSError):
                while True:
                    for source in select.select([client, server], [], [])[0]:
                        piece = source.recv(1 << 16)
                        self.n_round_trips += source is client and last is server
                        last = source
                        if not piece or self._is_cut_by(piece, is_answer=source is server):
                            self.cut()
                            return
                        (client if source is server else server).sendall(piece)

    def _is_cut_by(self, piece: bytes, *, is_answer: bool) -> bool:
        if is_answer:
            return self._awaits_answer
        if self._words and self._words[0] in piece:
            del self._words[0]
            self._awaits_answer = not self._words and self._is_answered
            return not self._words and not self._is_answered
        return False


@contextmanager
def relaying(url: URL) -> Iterator[tuple[Relay, URL]]:
    """A relay to the server of `url`, and the URL that goes through it."""
    assert url.port is not None
    with socket.create_server((LOOPBACK, 0)) as listener:
        relay = Relay(url.port)
        threading.Thread(target=relay.serve, args=(listener,)).start()
        try:
            yield relay, url.set(host=LOOPBACK, port=listener.getsockname()[1])
        finally:
            relay.cut()
            listener.shutdown(socket.SHUT_RDWR)
