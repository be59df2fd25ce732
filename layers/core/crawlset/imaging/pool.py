"""
Decoding children, one a vCPU, fed through pipes: Lambda has neither /dev/shm nor semaphores.

A child that dies costs the picture it had in hand and is replaced.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Protocol

from crawlset.imaging.decode import Features, Rejection, from_message
from crawlset.imaging.decode_worker import REPLY, REQUEST
from crawlset.outcomes import Outcome

MAX_MEMORY = 1 << 30
"""Address space of a child: the largest picture as RGBA, three times, and the libraries."""
CPU_SECONDS = 10
_PIPE_BYTES = 1 << 20
_READ_BYTES = 1 << 16
_MAX_REPLY_BYTES = 1 << 16
_READ, _WRITE = 1, 2

_MAX_FUTILE_STARTS = 5

Done = Callable[[Features | Rejection], None]


class DecoderUnavailableError(Exception):
    """Children end before they can take a picture: something is wrong with this machine."""


class Watcher(Protocol):
    """The part of an event loop that the pool stands on."""

    def watch(self, fd: int, events: int, ready: Callable[[int, int], None], /) -> None: ...
    def unwatch(self, fd: int, /) -> None: ...
    def call_later(self, seconds: float, callback: Callable[[], None], /) -> "Cancellable": ...


class Cancellable(Protocol):
    def cancel(self) -> None: ...


class Picture(Protocol):
    """A file to decode."""

    @property
    def size(self) -> int: ...
    def pieces(self) -> Iterator[bytes]: ...


@dataclass(slots=True)
class _Job:
    picture: Picture
    done: Done


class _Child:
    """One process and the job it has in hand."""

    def __init__(self, max_memory: int, cpu_seconds: int) -> None:
        # A fresh interpreter: a fork would take our memory, and the credentials in it, along.
        self._process = subprocess.Popen(  # noqa: S603, our own interpreter and module
            [
                sys.executable,
                "-S",
                "-m",
                "crawlset.imaging.decode_worker",
                str(max_memory),
                str(cpu_seconds),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            bufsize=0,
        )
        self.inlet = _fileno(self._process.stdin)
        self.outlet = _fileno(self._process.stdout)
        for fd in (self.inlet, self.outlet):
            os.set_blocking(fd, False)
        _widen(self.inlet)
        self.job: _Job | None = None
        self.unwritten: Iterator[bytes] = iter(())
        self.piece = memoryview(b"")
        self.received = bytearray()
        self.timer: Cancellable | None = None
        self.is_ready = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> str:
        """Make sure it is dead; how it died, in words."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.kill()
        code = self._process.wait()
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


class DecodePool:
    """
    `n_children` processes, started at once and kept for as many chunks as come.

    Bind it to a loop with `attach` before the first picture and `detach` it after the last.
    """

    def __init__(
        self,
        n_children: int | None = None,
        *,
        max_memory: int = MAX_MEMORY,
        cpu_seconds: int = CPU_SECONDS,
        wall_seconds: float = 20.0,
    ) -> None:
        self._max_memory = max_memory
        self._cpu_seconds = cpu_seconds
        self._wall_seconds = wall_seconds
        self._waiting: deque[_Job] = deque()
        self._n_futile_starts = 0
        self._loop: Watcher
        self._children = [self._start() for _ in range(n_children or _n_cpus())]

    @property
    def pids(self) -> list[int]:
        return [child.pid for child in self._children]

    def attach(self, loop: Watcher) -> None:
        self._loop = loop
        for at, child in enumerate(self._children):
            if not child.is_alive:
                child.end()
                self._children[at] = self._start()
            self._listen(self._children[at])

    def detach(self) -> None:
        """Forget every picture not yet answered; a child with one in hand is replaced."""
        self._waiting.clear()
        for at, child in enumerate(self._children):
            if child.job is not None:
                self._remove(child)
                self._children[at] = self._start()
            else:
                self._loop.unwatch(child.outlet)

    def close(self) -> None:
        """End every child."""
        for child in self._children:
            child.end()
        self._children.clear()

    def decode(self, picture: Picture, done: Done) -> None:
        """Call `done` once with what a child makes of `picture`, or with its `decode_crash`."""
        self._waiting.append(_Job(picture, done))
        for child in self._children:
            if child.job is None:
                self._feed(child)
                return

    def _start(self) -> _Child:
        return _Child(self._max_memory, self._cpu_seconds)

    def _listen(self, child: _Child) -> None:
        self._loop.watch(child.outlet, _READ, lambda _fd, _events: self._read(child))

    def _feed(self, child: _Child) -> None:
        if not self._waiting:
            return
        child.job = self._waiting.popleft()
        child.piece = memoryview(REQUEST.pack(child.job.picture.size))
        child.unwritten = child.job.picture.pieces()
        child.timer = self._loop.call_later(
            self._wall_seconds, lambda: self._bury(child, "out of time")
        )
        self._write(child)

    def _write(self, child: _Child) -> None:
        """Write until the pipe is full or the picture is through."""
        try:
            while child.piece or self._next_piece(child):
                child.piece = child.piece[os.write(child.inlet, child.piece) :]
        except BlockingIOError:
            self._loop.watch(child.inlet, _WRITE, lambda _fd, _events: self._write(child))
            return
        except BrokenPipeError:
            self._bury(child)
            return
        self._loop.unwatch(child.inlet)

    def _next_piece(self, child: _Child) -> bool:
        child.piece = memoryview(next(child.unwritten, b""))
        return bool(child.piece)

    def _read(self, child: _Child) -> None:
        try:
            received = os.read(child.outlet, _READ_BYTES)
        except BlockingIOError:
            return
        if not received:
            self._bury(child)
            return
        child.received += received
        if len(child.received) > _MAX_REPLY_BYTES:
            self._bury(child, "an answer too long")
            return
        while (reply := _take_reply(child.received)) is not None:
            if reply:
                self._answer(child, _read_reply(reply))
            else:
                child.is_ready = True
                self._n_futile_starts = 0

    def _answer(self, child: _Child, result: Features | Rejection) -> None:
        job, child.job = child.job, None
        if child.timer is not None:
            child.timer.cancel()
        self._feed(child)
        if job is not None:
            job.done(result)

    def _bury(self, child: _Child, cause: str | None = None) -> None:
        job = child.job
        death = self._remove(child)
        if not child.is_ready:
            self._n_futile_starts += 1
            if self._n_futile_starts > _MAX_FUTILE_STARTS:
                raise DecoderUnavailableError(death)
            if job is not None:
                self._waiting.appendleft(job)
                job = None
        replacement = self._start()
        self._children[self._children.index(child)] = replacement
        self._listen(replacement)
        self._feed(replacement)
        if job is not None:
            job.done(Rejection(Outcome.decode_crash, cause or death))

    def _remove(self, child: _Child) -> str:
        self._loop.unwatch(child.inlet)
        self._loop.unwatch(child.outlet)
        if child.timer is not None:
            child.timer.cancel()
        return child.end()


def _take_reply(received: bytearray) -> bytes | None:
    """Cut the first whole reply off `received`."""
    if len(received) < REPLY.size:
        return None
    end = REPLY.size + REPLY.unpack_from(received)[0]
    if len(received) < end:
        return None
    reply = bytes(received[REPLY.size : end])
    del received[:end]
    return reply


def _read_reply(reply: bytes) -> Features | Rejection:
    """A child may have been taken over by what it decoded: anything can be in its answer."""
    try:
        return from_message(json.loads(reply))
    except (ValueError, TypeError, KeyError, AttributeError):
        return Rejection(Outcome.decode_crash, "an answer that makes no sense")


def _environment() -> dict[str, str]:
    """What the interpreter needs to find its libraries, and nothing else of ours."""
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    libraries = os.environ.get("LD_LIBRARY_PATH")
    return paths | {"LD_LIBRARY_PATH": libraries} if libraries else paths


def _fileno(pipe: IO[bytes] | None) -> int:
    if pipe is None:
        raise TypeError
    return pipe.fileno()


def _widen(fd: int) -> None:
    """Let a whole picture into the pipe at one write, where the system can."""
    if sys.platform == "linux":
        try:
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except PermissionError:
            return


def _n_cpus() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
