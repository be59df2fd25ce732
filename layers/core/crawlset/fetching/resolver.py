"""Name look-ups beside the loop, each name once a chunk."""

import os
import queue
import socket
import threading

from crawlset.kit.event_loop import READ, Loop, Promise

N_THREADS = 8
LOOK_UP_SECONDS = 10.0
"""After which a name counts as not found, whatever its server may still say."""


def system_resolve(host: str) -> tuple[str, ...]:
    """Every address of `host`, in the order to try them; raises `OSError` when there is none."""
    answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[4][0]) for address in answers))


class Resolver:
    """`getaddrinfo` on a few threads, which start with the first look-up."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._promises: dict[str, Promise[tuple[str, ...]]] = {}
        self._questions: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[str, tuple[str, ...] | OSError]] = (
            queue.SimpleQueue()
        )
        self._n_threads = 0
        self._open = threading.Lock()
        self._is_open = True
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        loop.watch(self._wake_read, READ, self._deliver)

    async def resolve(self, host: str) -> tuple[str, ...]:
        """Raises `OSError` when `host` has no address; whoever asks then asks anew."""
        promise = self._promises.get(host)
        if promise is None:
            promise = self._promises[host] = Promise(self._loop)
            self._loop.call_later(LOOK_UP_SECONDS, lambda: self._give_up(host))
            self._questions.put(host)
            if self._n_threads < N_THREADS:
                self._n_threads += 1
                threading.Thread(target=self._look_up, daemon=True).start()
        return await promise

    def close(self) -> None:
        """Unanswered look-ups end by themselves; their answers are dropped."""
        for _ in range(self._n_threads):
            self._questions.put(None)
        self._loop.unwatch(self._wake_read)
        with self._open:
            self._is_open = False
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _look_up(self) -> None:
        while (host := self._questions.get()) is not None:
            try:
                answer: tuple[str, ...] | OSError = system_resolve(host)
            except (OSError, UnicodeError) as error:
                answer = error if isinstance(error, OSError) else OSError(str(error))
            self._answers.put((host, answer))
            with self._open:
                if not self._is_open:
                    return
                os.write(self._wake_write, b"\0")

    def _deliver(self, fd: int, _: int) -> None:
        os.read(fd, 4096)
        while not self._answers.empty():
            host, answer = self._answers.get()
            promise = self._promises.get(host)
            if promise is None:
                continue
            if isinstance(answer, OSError):
                del self._promises[host]
                promise.fail(answer)
            else:
                promise.settle(answer)

    def _give_up(self, host: str) -> None:
        promise = self._promises.get(host)
        if promise is not None and not promise.is_settled:
            del self._promises[host]
            promise.fail(OSError("the look-up takes too long"))
