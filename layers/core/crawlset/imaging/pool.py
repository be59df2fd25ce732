"""
Decoding children, one a vCPU, asked through pipes: Lambda has neither /dev/shm nor semaphores.

Whatever opens a file of a third party does it in one of them: to decode, show or strip it.
Each has a few pictures ahead, so that it goes on while we do something else. It answers in
their order: one that dies costs the picture it was at and is replaced.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

from crawlset.imaging.decode_child import Child, ChildError, Job
from crawlset.imaging.features import (
    Asked,
    Blur,
    Features,
    Pixels,
    Rejection,
    Show,
    Strip,
    Take,
    pixels_from,
    question_message,
    result_from,
    stripped_from,
)
from crawlset.kit import environment
from crawlset.kit.confinement import hide_memory
from crawlset.kit.event_loop import READ, WRITE, Loop, Promise
from crawlset.kit.spool import Body
from crawlset.outcomes import Outcome
from crawlset.resizing import Resize

MAX_MEMORY = 1 << 30
"""Address space of a child: the largest picture as RGBA, three times, and the libraries."""
CPU_SECONDS = 10
_MAX_FUTILE_STARTS = 5


class DecoderUnavailableError(Exception):
    """Children end before they can take a picture: something is wrong with this machine."""


class DecodePool:
    """
    `n_children` processes, started at once and kept for as many chunks as come.

    Bind it to a loop with `attach` before the first picture and `detach` it after the last;
    `decode_all`, `show_all` and `strip_all` do both.
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
        self._waiting: deque[Job[Any]] = deque()
        self._n_futile_starts = 0
        self._questions: dict[Asked, bytes] = {None: b""}
        self._loop: Loop
        hide_memory()
        self._children = [self._start() for _ in range(n_children or environment.n_cores())]

    @property
    def pids(self) -> list[int]:
        return [child.pid for child in self._children]

    def attach(self, loop: Loop) -> None:
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
            self._forget(child)
            if child.jobs:
                child.end()
                self._children[at] = self._start()

    def close(self) -> None:
        """End every child."""
        for child in self._children:
            child.end()
        self._children.clear()

    def decode(
        self,
        picture: Body,
        done: Callable[[Features | Rejection], None],
        asked: Resize | Take | None = None,
    ) -> None:
        """
        Call `done` once with what a child makes of `picture`, or with its `decode_crash`.

        `Features.transformed` is the picture as it is to be stored, if that was asked.
        """
        self._ask(Job(picture, done, self._question(asked), result_from))

    def decode_all(
        self, pictures: Iterable[bytes], resize: Resize | None = None
    ) -> list[Features | Rejection]:
        """Decode on a loop of its own; gives what a child makes of each picture, in their order."""
        question = self._question(resize)
        return self._ask_all(((picture, question) for picture in pictures), result_from)

    def show_all(self, pictures: Iterable[bytes], max_side: int) -> list[Pixels | Rejection]:
        """
        Decode pictures to pixels on a loop of its own.

        Gives those of each, or what is wrong with it, in their order.
        """
        question = self._question(Show(max_side))
        return self._ask_all(((picture, question) for picture in pictures), pixels_from)

    def blur_all(self, pictures: Iterable[tuple[bytes, Blur]]) -> list[Features | Rejection]:
        """Decode pictures on a loop of its own, each with parts of it blurred, in their order."""
        asked = ((data, json.dumps(question_message(blur)).encode()) for data, blur in pictures)
        return self._ask_all(asked, result_from)

    def strip_all(self, pictures: Iterable[tuple[bytes, str]]) -> list[bytes | Rejection]:
        """
        Strip pictures, each with its format, of their metadata on a loop of its own.

        Gives the bytes of each, or what is wrong with it, in their order.
        """
        asked = ((data, self._question(Strip(image_format))) for data, image_format in pictures)
        return self._ask_all(asked, stripped_from)

    def _ask_all[Answer](
        self,
        asked: Iterable[tuple[bytes, bytes]],
        read: Callable[[dict[str, Any], bytes], Answer | Rejection],
    ) -> list[Answer | Rejection]:
        """The answers to pictures with a question each, in their order."""
        answers: dict[int, Answer | Rejection] = {}

        async def ask(at: int, data: bytes, question: bytes) -> None:
            with closing(Body()) as body:
                body.append(data)
                answered: Promise[Answer | Rejection] = Promise(loop)
                self._ask(Job(body, answered.settle, question, read))
                answers[at] = await answered

        with closing(Loop()) as loop:
            self.attach(loop)
            try:
                for at, (data, question) in enumerate(asked):
                    loop.spawn(ask(at, data, question))
                loop.run()
            finally:
                self.detach()
        return [answers[at] for at in range(len(answers))]

    def _ask(self, job: Job[Any]) -> None:
        self._waiting.append(job)
        child = min(self._children, key=lambda child: child.n_bytes)
        if child.has_room:
            self._feed(child)

    def _question(self, asked: Asked) -> bytes:
        if asked not in self._questions:
            self._questions[asked] = json.dumps(question_message(asked)).encode()
        return self._questions[asked]

    def _start(self) -> Child:
        return Child(self._max_memory, self._cpu_seconds)

    def _listen(self, child: Child) -> None:
        self._loop.watch(child.outlet, READ, lambda _fd, _events: self._read(child))

    def _feed(self, child: Child) -> None:
        """Give `child` as much of what waits as it has room for."""
        while self._waiting and child.has_room:
            child.give(self._waiting.popleft())
        if child.jobs and child.timer is None:
            self._watch_clock(child, self._wall_seconds)
        if not child.is_full:
            self._write(child)

    def _watch_clock(self, child: Child, seconds: float) -> None:
        def ring() -> None:
            child.timer = None
            if not child.jobs:
                return
            left = child.began + self._wall_seconds - time.monotonic()
            if left > 0:
                self._watch_clock(child, left)
            else:
                self._replace(child, "out of time")

        child.timer = self._loop.call_later(seconds, ring)

    def _write(self, child: Child) -> None:
        was_full = child.is_full
        try:
            child.write()
        except BrokenPipeError:
            # Its outlet tells when its answers, which may be there, have all been read.
            self._loop.unwatch(child.inlet)
            return
        if child.is_full and not was_full:
            self._loop.watch(child.inlet, WRITE, lambda _fd, _events: self._write(child))
        elif was_full and not child.is_full:
            self._loop.unwatch(child.inlet)

    def _read(self, child: Child) -> None:
        was_ready = child.is_ready
        try:
            for job, result in child.read():
                self._feed(child)
                job.done(result)
        except ChildError as error:
            self._replace(child, error.cause)
        if child.is_ready and not was_ready:
            self._n_futile_starts = 0

    def _replace(self, child: Child, cause: str | None) -> None:
        """End `child`; the picture it was at is lost if it was at one, its others wait again."""
        self._forget(child)
        death = child.end()
        jobs = child.jobs
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

    def _forget(self, child: Child) -> None:
        """Let go of `child` on the loop."""
        self._loop.unwatch(child.inlet)
        self._loop.unwatch(child.outlet)
        if child.timer is not None:
            child.timer.cancel()
            child.timer = None
