"""
The floor: the least that has to be done for a verified picture, in one process.

libcurl's multi interface, the cheapest decode that still notices a truncated JPEG, a SHA-256 and
a write; no check, no manners, nothing of Crawlset. Run as a file, with a `Config` as JSON.
"""

import hashlib
import json
import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import pycurl

N_TRANSFERS = 64
N_CONNECTIONS = 256
"""Kept open, so that no host is connected to twice for want of room."""
BUFFER_BYTES = 512 * 1024
HTTP_OK = 200
DECODE, DIGEST, WRITE = "decode", "digest", "write"
STEPS = (DECODE, DIGEST, WRITE)


@dataclass(frozen=True)
class Config:
    urls: str
    """A file with a URL a line."""
    out: str
    bundle: str | None = None
    steps: tuple[str, ...] = STEPS
    """What is done with a picture that came."""

    def argument(self) -> str:
        return json.dumps(asdict(self))


Keep = Callable[[int, bytes], None]


def keeper(out: Path, steps: tuple[str, ...]) -> Keep:
    """Does `steps` with a picture; raises `ValueError` on a damaged one."""
    if DECODE in steps:
        import simplejpeg  # noqa: PLC0415, not paid for where it is not used

    def keep(n: int, data: bytes) -> None:
        if DECODE in steps:
            height, width, _, _ = simplejpeg.decode_jpeg_header(data)
            simplejpeg.decode_jpeg(
                data,
                "GRAY",
                min_height=height >> 3,
                min_width=width >> 3,
                min_factor=1,
                strict=True,
            )
        if DIGEST in steps:
            hashlib.sha256(data).hexdigest()
        if WRITE in steps:
            fd = os.open(out / f"{n:07d}.jpg", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.write(fd, data)
            os.close(fd)

    return keep


class Downloads:
    """Every URL once, 64 at a time; `keep` gets the bodies."""

    def __init__(self, urls: list[str], bundle: str | None, keep: Keep) -> None:
        self._urls: Iterator[tuple[int, str]] = iter(enumerate(urls))
        self._bundle = bundle
        self._keep = keep
        self._poll = select.epoll()
        self._watched: set[int] = set()
        self._due: float | None = None
        self._bodies: dict[pycurl.Curl, tuple[int, list[bytes]]] = {}
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, N_CONNECTIONS)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)

    def run(self) -> None:
        for _ in range(N_TRANSFERS):
            self._start(self._handle())
        self._act(pycurl.SOCKET_TIMEOUT, 0)
        while self._bodies:
            left = 1.0 if self._due is None else max(0.0, self._due - time.monotonic())
            for fd, event in self._poll.poll(left):
                mask = pycurl.CSELECT_IN if event & ~select.EPOLLOUT else 0
                if event & select.EPOLLOUT:
                    mask |= pycurl.CSELECT_OUT
                self._act(fd, mask)
            if self._due is not None and time.monotonic() >= self._due:
                self._due = None
                self._act(pycurl.SOCKET_TIMEOUT, 0)

    def _handle(self) -> pycurl.Curl:
        curl = pycurl.Curl()
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.NOPROXY, "*")
        curl.setopt(pycurl.BUFFERSIZE, BUFFER_BYTES)
        if self._bundle is not None:
            curl.setopt(pycurl.CAINFO, self._bundle)
        return curl

    def _start(self, curl: pycurl.Curl) -> None:
        number, url = next(self._urls, (-1, ""))
        if number < 0:
            curl.close()
            return
        pieces: list[bytes] = []
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.WRITEFUNCTION, pieces.append)
        self._bodies[curl] = number, pieces
        self._multi.add_handle(curl)

    def _act(self, fd: int, mask: int) -> None:
        _, n_running = self._multi.socket_action(fd, mask)
        if n_running == len(self._bodies):
            return
        came: list[tuple[int, bytes]] = []
        n_queued = 1
        while n_queued:
            n_queued, done, failed = self._multi.info_read()
            if failed:
                raise SystemExit(f"{failed[0][2]}")
            for curl in done:
                number, pieces = self._bodies.pop(curl)
                if curl.getinfo(pycurl.RESPONSE_CODE) != HTTP_OK:
                    raise SystemExit(f"HTTP {curl.getinfo(pycurl.RESPONSE_CODE)}")
                self._multi.remove_handle(curl)
                came.append((number, b"".join(pieces)))
                self._start(curl)
        for number, body in came:
            self._keep(number, body)

    def _watch(self, event: int, fd: int, _multi: object, _data: object) -> None:
        if event == pycurl.POLL_REMOVE:
            if fd in self._watched:
                self._watched.remove(fd)
                self._poll.unregister(fd)
            return
        mask = (select.EPOLLIN if event & pycurl.POLL_IN else 0) | (
            select.EPOLLOUT if event & pycurl.POLL_OUT else 0
        )
        change = self._poll.modify if fd in self._watched else self._poll.register
        change(fd, mask)
        self._watched.add(fd)

    def _set_timer(self, milliseconds: int) -> None:
        self._due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000


def seconds_each(step: str, pictures: list[bytes], out: Path) -> float:
    """Processor seconds of one step for one picture, without any transfer."""
    work = partial(keeper(out, (step,)))
    work(0, pictures[0])
    begin = time.process_time()
    for number, picture in enumerate(pictures):
        work(number, picture)
    return (time.process_time() - begin) / len(pictures)


def main(config: Config) -> None:
    urls = Path(config.urls).read_text().splitlines()
    Downloads(urls, config.bundle, keeper(Path(config.out), tuple(config.steps))).run()


if __name__ == "__main__":
    main(Config(**json.loads(sys.argv[1])))
