"""
The event loop of one chunk: sockets, timers, and coroutines waiting for them.

libcurl has transports of its own and wants only to be told when a socket is ready or time is up;
coroutines on top of that are all that fetching needs of an event loop.
"""

import heapq
import selectors
import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE

Ready = Callable[[int, int], None]
"""Told the file descriptor and which of READ and WRITE it is ready for."""


class Interrupted(Exception):  # noqa: N818, a signal, not a failure
    """Raised in a task that must end; one that lets it out has ended well."""


class Promise[T]:
    """A value that a callback will bring, once; any number of tasks may await it."""

    __slots__ = ("_error", "_loop", "_value", "is_settled", "waiters")

    def __init__(self, loop: "Loop") -> None:
        self._loop = loop
        self._value: T
        self._error: BaseException | None = None
        self.is_settled = False
        self.waiters: list[Task] = []

    def settle(self, value: T) -> None:
        """Give the value; only the first call counts."""
        if not self.is_settled:
            self._value = value
            self._wake()

    def fail(self, error: BaseException) -> None:
        if not self.is_settled:
            self._error = error
            self._wake()

    def _wake(self) -> None:
        self.is_settled = True
        self._loop.ready.extend(self.waiters)
        self.waiters.clear()

    def __await__(self) -> Generator["Promise[T]", None, T]:
        if not self.is_settled:
            yield self
        if self._error is not None:
            raise self._error
        return self._value


class Task:
    """A coroutine under way."""

    __slots__ = ("_coroutine", "_waiting_for", "error", "is_done", "thrown")

    def __init__(self, coroutine: Coroutine[Promise[Any], None, None]) -> None:
        self._coroutine = coroutine
        self._waiting_for: Promise[Any] | None = None
        self.thrown: BaseException | None = None
        self.error: BaseException | None = None
        self.is_done = False

    def step(self) -> None:
        self._waiting_for = None
        try:
            if self.thrown is None:
                promise = self._coroutine.send(None)
            else:
                thrown, self.thrown = self.thrown, None
                promise = self._coroutine.throw(thrown)
        except (StopIteration, Interrupted):
            self.is_done = True
        except BaseException as error:  # noqa: BLE001, whoever runs the loop gets it
            self.is_done = True
            self.error = error
        else:
            self._waiting_for = promise
            promise.waiters.append(self)

    def forget(self) -> None:
        """Wait no longer for what it waits for."""
        if self._waiting_for is not None and not self._waiting_for.is_settled:
            self._waiting_for.waiters.remove(self)
        self._waiting_for = None


class Timer:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """Runs coroutines that await `Promise`s and nothing else, in one thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._n_timers = 0
        self._tasks: set[Task] = set()
        self.ready: deque[Task] = deque()

    def now(self) -> float:
        return time.monotonic()

    def spawn(self, coroutine: Coroutine[Promise[Any], None, None]) -> None:
        """Start `coroutine` when the loop next turns."""
        task = Task(coroutine)
        self._tasks.add(task)
        self.ready.append(task)

    def interrupt(self) -> None:
        """Raise `Interrupted` in every task that is still under way, where it waits."""
        self.ready.clear()
        for task in self._tasks:
            task.forget()
            task.thrown = Interrupted()
            self.ready.append(task)

    def watch(self, fd: int, events: int, ready: Ready) -> None:
        """Call `ready` whenever `fd` is ready for `events`; a second call replaces the first."""
        try:
            self._selector.modify(fd, events, ready)
        except KeyError:
            self._selector.register(fd, events, ready)

    def unwatch(self, fd: int) -> None:
        """No effect when `fd` is not watched."""
        try:
            self._selector.unregister(fd)
        except (KeyError, ValueError):
            return

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        self._n_timers += 1
        heapq.heappush(self._timers, (self.now() + seconds, self._n_timers, timer))
        return timer

    def sleep(self, seconds: float) -> Promise[None]:
        promise: Promise[None] = Promise(self)
        self.call_later(seconds, lambda: promise.settle(None))
        return promise

    def run(self) -> None:
        """Turn until every task is done; raises the first error that a task let out."""
        while self._tasks:
            while self.ready:
                task = self.ready.popleft()
                task.step()
                if task.is_done:
                    self._tasks.discard(task)
                if task.error is not None:
                    raise task.error
            if self._tasks:
                self._wait()

    def close(self) -> None:
        self._selector.close()

    def _wait(self) -> None:
        timers = self._timers
        while timers and timers[0][2].callback is None:
            heapq.heappop(timers)
        timeout = max(0.0, timers[0][0] - self.now()) if timers else None
        watched = self._selector.get_map()
        for key, events in self._selector.select(timeout):
            if watched.get(key.fd) is key:  # else one before it has let go of it
                key.data(key.fd, events)
        now = self.now()
        while timers and timers[0][0] <= now:
            callback = heapq.heappop(timers)[2].callback
            if callback is not None:
                callback()


class Slots:
    """At most `n` holders at once, which may change at any time; who waits longest is next."""

    __slots__ = ("_loop", "_n_held", "_queue", "n")

    def __init__(self, loop: Loop, n: int) -> None:
        self._loop = loop
        self.n = n
        self._n_held = 0
        self._queue: deque[Promise[None]] = deque()

    async def __aenter__(self) -> None:
        if self._n_held < self.n and not self._queue:
            self._n_held += 1
            return
        turn: Promise[None] = Promise(self._loop)
        self._queue.append(turn)
        try:
            await turn
        except BaseException:
            if turn.is_settled:
                self._release()
            else:
                self._queue.remove(turn)
            raise

    async def __aexit__(self, *_: object) -> None:
        self._release()

    def _release(self) -> None:
        self._n_held -= 1
        while self._queue and self._n_held < self.n:
            self._n_held += 1
            self._queue.popleft().settle(None)
