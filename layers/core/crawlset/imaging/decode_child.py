"""One decoding child: its process, what is in its pipes, and the pictures it has in hand."""

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
from typing import IO, Any

from crawlset.imaging.features import (
    MAX_ANSWER_BYTES,
    MAX_TRANSFORMED_BYTES,
    REPLY,
    REQUEST,
    Rejection,
)
from crawlset.kit import confinement
from crawlset.kit.event_loop import Timer
from crawlset.kit.spool import Body
from crawlset.outcomes import Outcome

PIPE_BYTES = 1 << 20
AHEAD_BYTES = PIPE_BYTES // 2
"""Sent to a child before it has answered, beyond which it is sent no further picture."""
_READ_BYTES = 1 << 16
_PIECES = 64
"""Pieces of a body to a write: not all are held at once."""


class ChildError(Exception):
    """The child ended, or said what no child of ours says; `cause` is None where it just ended."""

    def __init__(self, cause: str | None = None) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(slots=True, eq=False)
class Job[Answer]:
    """A picture, what is asked of it, and whom to tell."""

    picture: Body
    done: Callable[[Answer | Rejection], None]
    question: bytes
    """JSON, or nothing."""
    read: Callable[[dict[str, Any], bytes], Answer | Rejection]
    """Reads an answer, as JSON data and a picture, and raises whatever a senseless one makes it."""


class Child:
    """A process, and the jobs it has in hand. It answers them in the order they were given in."""

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
            env=confinement.environment(
                OPENBLAS_NUM_THREADS="1",
                MALLOC_MMAP_THRESHOLD_=str(1 << 25),
                MALLOC_TRIM_THRESHOLD_=str(1 << 27),
            ),
            bufsize=0,
        )
        self.inlet = _fileno(self._process.stdin)
        self.outlet = _fileno(self._process.stdout)
        for fd in (self.inlet, self.outlet):
            os.set_blocking(fd, False)
            _widen(fd)
        self.jobs: deque[Job[Any]] = deque()
        """Given to it and not answered; it is at the first."""
        self.n_bytes = 0
        """Bytes of the pictures that it has been given and has not answered."""
        self.is_ready = False
        """Whether it has started, and takes pictures."""
        self.is_full = False
        """Whether its pipe is full, with more to come."""
        self.began = 0.0
        """When it came to its first job, on the monotonic clock."""
        self.timer: Timer | None = None
        self._unsent: deque[Job[Any]] = deque()
        self._in_transit: Job[Any] | None = None
        """What is being written to it."""
        self._pieces: Iterator[bytes] = iter(())
        self._unwritten: list[bytes | memoryview] = []
        self._received = bytearray()

    @property
    def has_room(self) -> bool:
        return self.n_bytes < AHEAD_BYTES

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def give(self, job: Job[Any]) -> None:
        """Put `job` behind those it has; `write` sends it."""
        if not self.jobs:
            self.began = time.monotonic()
        self.jobs.append(job)
        self._unsent.append(job)
        self.n_bytes += job.picture.size

    def write(self) -> None:
        """
        Write until its pipe is full or everything is through; `is_full` says which.

        Raises:
            BrokenPipeError: it reads no more; its answers may still be there to read.
        """
        unwritten = self._unwritten
        try:
            while True:
                unwritten += islice(self._pieces, _PIECES - len(unwritten))
                if unwritten:
                    _drop(unwritten, os.writev(self.inlet, unwritten))
                elif self._unsent:
                    job = self._in_transit = self._unsent.popleft()
                    unwritten.append(REQUEST.pack(len(job.question), job.picture.size))
                    unwritten.append(job.question)
                    self._pieces = job.picture.pieces()
                else:
                    self._in_transit = None
                    self.is_full = False
                    return
        except BlockingIOError:
            self.is_full = True

    def read(self) -> Iterator[tuple[Job[Any], Any]]:
        """
        Read once what it has answered; gives the jobs that are done, with their results.

        Raises:
            ChildError: it has ended, or is to be ended.
        """
        try:
            received = os.read(self.outlet, _READ_BYTES)
        except BlockingIOError:
            return
        if not received:
            raise ChildError
        self._received += received
        while len(self._received) >= REPLY.size:
            answer_size, picture_size = REPLY.unpack_from(self._received)
            if answer_size > MAX_ANSWER_BYTES or picture_size > MAX_TRANSFORMED_BYTES:
                raise ChildError("an answer too long")
            middle = REPLY.size + answer_size
            end = middle + picture_size
            if len(self._received) < end:
                return
            with memoryview(self._received) as view:
                answer, picture = bytes(view[REPLY.size : middle]), bytes(view[middle:end])
            del self._received[:end]
            if answer:
                job = self._finish_first()
                yield job, _read(job, answer, picture)
            else:
                self.is_ready = True

    def _finish_first(self) -> Job[Any]:
        first = self.jobs[0] if self.jobs else None
        if first is None or first is self._in_transit or first in self._unsent:
            raise ChildError("an answer before the question")
        self.jobs.popleft()
        self.n_bytes -= first.picture.size
        self.began = time.monotonic()
        return first

    def end(self) -> str:
        """Make sure that it is dead; gives how it died, in words."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.kill()
        code = self._process.wait()
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


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


def _read[Answer](job: Job[Answer], answer: bytes, picture: bytes) -> Answer | Rejection:
    """Read an answer in which anything can be: what it decoded may have taken the child over."""
    try:
        return job.read(json.loads(answer), picture)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Rejection(Outcome.decode_crash, "an answer that makes no sense")


def _fileno(pipe: IO[bytes] | None) -> int:
    if pipe is None:
        raise TypeError
    return pipe.fileno()


def _widen(fd: int) -> None:
    """Let a whole picture into the pipe at one write, where the system can."""
    if sys.platform == "linux":
        try:
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except PermissionError:
            return
