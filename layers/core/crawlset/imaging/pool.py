"""
Decoding children, one a vCPU, fed through pipes: Lambda has neither /dev/shm nor semaphores.

Each has a few pictures in its pipe, so that it goes on while we do something else. It answers in
their order: one that dies costs the picture it was at and is replaced.
"""

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO, Protocol

from crawlset.imaging.features import (
    MAX_ANSWER_BYTES,
    MAX_TRANSFORMED_BYTES,
    REPLY,
    REQUEST,
    Features,
    Rejection,
    resize_message,
    result_from,
)
from crawlset.outcomes import Outcome
from crawlset.resizing import Resize

MAX_MEMORY = 1 << 30
"""Address space of a child: the largest picture as RGBA, three times, and the libraries."""
CPU_SECONDS = 10
_PIPE_BYTES = 1 << 20
_AHEAD_BYTES = _PIPE_BYTES // 2
"""Sent to a child before it has answered, beyond which it is sent no further picture."""
_READ_BYTES = 1 << 16
_PIECES = 64
"""Pieces to a write, of 16 KiB as they came, or of 1 MiB from a file: not all are held at once."""
_READ, _WRITE = 1, 2
_SET_DUMPABLE = 4
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


@dataclass(slots=True, eq=False)
class _Job:
    picture: Picture
    done: Done
    question: bytes


class _Child:
    """One process and the jobs it has in hand."""

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
            _widen(fd)
        self.jobs: deque[_Job] = deque()
        """Given to it and not answered; it is at the first."""
        self.n_bytes = 0
        """Bytes of the pictures that it has been given and has not answered."""
        self.unsent: deque[_Job] = deque()
        self.in_transit: _Job | None = None
        """What is being written to it."""
        self.pieces: Iterator[bytes] = iter(())
        self.unwritten: list[bytes | memoryview] = []
        self.received = bytearray()
        self.timer: Cancellable | None = None
        self.began = 0.0
        """When it came to its first job, on the monotonic clock."""
        self.is_ready = False
        self.is_full = False
        """Its pipe is, with more to come."""

    @property
    def has_room(self) -> bool:
        return self.n_bytes < _AHEAD_BYTES

    @property
    def has_all_of_first(self) -> bool:
        """Whether there is a first job, and all of it was sent."""
        first = self.jobs[0] if self.jobs else None
        return first is not None and first is not self.in_transit and first not in self.unsent

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
        self._questions: dict[Resize | None, bytes] = {None: b""}
        self._loop: Watcher
        _hide_memory()
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
        """Forget every picture not yet answered; a child that has one is replaced."""
        self._waiting.clear()
        for at, child in enumerate(self._children):
            if child.jobs:
                self._remove(child)
                self._children[at] = self._start()
            else:
                self._forget(child)

    def close(self) -> None:
        """End every child."""
        for child in self._children:
            child.end()
        self._children.clear()

    def decode(self, picture: Picture, done: Done, resize: Resize | None = None) -> None:
        """
        Call `done` once with what a child makes of `picture`, or with its `decode_crash`.

        `Features.transformed` is the picture as `resize` wants it.
        """
        if resize not in self._questions:
            self._questions[resize] = json.dumps(resize_message(resize)).encode()
        self._waiting.append(_Job(picture, done, self._questions[resize]))
        child = min(self._children, key=lambda child: child.n_bytes)
        if child.has_room:
            self._feed(child)

    def _start(self) -> _Child:
        return _Child(self._max_memory, self._cpu_seconds)

    def _listen(self, child: _Child) -> None:
        self._loop.watch(child.outlet, _READ, lambda _fd, _events: self._read(child))

    def _feed(self, child: _Child) -> None:
        """Give it of what waits as much as it has room for."""
        while self._waiting and child.has_room:
            job = self._waiting.popleft()
            if not child.jobs:
                self._begin(child)
            child.jobs.append(job)
            child.unsent.append(job)
            child.n_bytes += job.picture.size
        if not child.is_full:
            self._write(child)

    def _begin(self, child: _Child) -> None:
        """The time of its first job runs from now."""
        child.began = time.monotonic()
        if child.timer is None:
            self._watch_clock(child, self._wall_seconds)

    def _watch_clock(self, child: _Child, seconds: float) -> None:
        def ring() -> None:
            child.timer = None
            if not child.jobs:
                return
            left = child.began + self._wall_seconds - time.monotonic()
            if left > 0:
                self._watch_clock(child, left)
            else:
                self._bury(child, "out of time")

        child.timer = self._loop.call_later(seconds, ring)

    def _write(self, child: _Child) -> None:
        """Write until the pipe is full or everything is through."""
        unwritten = child.unwritten
        try:
            while True:
                unwritten += islice(child.pieces, _PIECES - len(unwritten))
                if unwritten:
                    _drop(unwritten, os.writev(child.inlet, unwritten))
                elif child.unsent:
                    job = child.in_transit = child.unsent.popleft()
                    unwritten.append(REQUEST.pack(len(job.question), job.picture.size))
                    unwritten.append(job.question)
                    child.pieces = job.picture.pieces()
                else:
                    child.in_transit = None
                    break
        except BlockingIOError:
            if not child.is_full:
                child.is_full = True
                self._loop.watch(child.inlet, _WRITE, lambda _fd, _events: self._write(child))
            return
        except BrokenPipeError:
            # Its outlet tells when its answers, which may be there, have all been read.
            self._loop.unwatch(child.inlet)
            return
        if child.is_full:
            child.is_full = False
            self._loop.unwatch(child.inlet)

    def _read(self, child: _Child) -> None:
        try:
            received = os.read(child.outlet, _READ_BYTES)
        except BlockingIOError:
            return
        if not received:
            self._bury(child)
            return
        child.received += received
        while len(child.received) >= REPLY.size:
            answer_size, picture_size = REPLY.unpack_from(child.received)
            if answer_size > MAX_ANSWER_BYTES or picture_size > MAX_TRANSFORMED_BYTES:
                self._bury(child, "an answer too long")
                return
            middle = REPLY.size + answer_size
            end = middle + picture_size
            if len(child.received) < end:
                return
            with memoryview(child.received) as view:
                answer, transformed = bytes(view[REPLY.size : middle]), bytes(view[middle:end])
            del child.received[:end]
            if not answer:
                child.is_ready = True
                self._n_futile_starts = 0
            elif child.has_all_of_first:
                self._answer(child, answer, transformed)
            else:
                self._bury(child, "an answer before the question")
                return

    def _answer(self, child: _Child, answer: bytes, transformed: bytes) -> None:
        job = child.jobs.popleft()
        child.n_bytes -= job.picture.size
        if child.jobs:
            self._begin(child)
        self._feed(child)
        job.done(_read_answer(answer, transformed))

    def _bury(self, child: _Child, cause: str | None = None) -> None:
        """Replace it; the picture it was at is lost if it was at one, the others wait again."""
        jobs = child.jobs
        death = self._remove(child)
        lost = jobs.popleft() if child.is_ready and jobs else None
        if not child.is_ready:
            self._n_futile_starts += 1
            if self._n_futile_starts > _MAX_FUTILE_STARTS:
                raise DecoderUnavailableError(death)
        self._waiting.extendleft(reversed(jobs))
        replacement = self._start()
        self._children[self._children.index(child)] = replacement
        self._listen(replacement)
        self._feed(replacement)
        if lost is not None:
            lost.done(Rejection(Outcome.decode_crash, cause or death))

    def _remove(self, child: _Child) -> str:
        self._forget(child)
        return child.end()

    def _forget(self, child: _Child) -> None:
        """Let go of it on the loop."""
        self._loop.unwatch(child.inlet)
        self._loop.unwatch(child.outlet)
        if child.timer is not None:
            child.timer.cancel()
            child.timer = None


def _drop(pieces: list[bytes | memoryview], n_written: int) -> None:
    """Take the first `n_written` bytes off `pieces`."""
    n_whole = 0
    for piece in pieces:
        if n_written < len(piece):
            break
        n_written -= len(piece)
        n_whole += 1
    del pieces[:n_whole]
    if n_written:
        pieces[0] = memoryview(pieces[0])[n_written:]


def _read_answer(answer: bytes, transformed: bytes) -> Features | Rejection:
    """A child may have been taken over by what it decoded: anything can be in its answer."""
    try:
        return result_from(json.loads(answer), transformed)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Rejection(Outcome.decode_crash, "an answer that makes no sense")


def _environment() -> dict[str, str]:
    """What the interpreter needs to find its libraries, and nothing else of ours."""
    variables = {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
        "MALLOC_TRIM_THRESHOLD_": str(1 << 27),
    }
    libraries = os.environ.get("LD_LIBRARY_PATH")
    return variables | {"LD_LIBRARY_PATH": libraries} if libraries else variables


def _hide_memory() -> None:
    """Keep our memory and environment, credentials among them, from processes of our own user."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0)


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
