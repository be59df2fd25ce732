"""
The server of the bench, a process of its own: pictures from memory, over HTTP or HTTPS.

`python -m tests.bench.fetch.server CONFIG`, where CONFIG is a `Config` as JSON. Every path but a
picture's is 404, so that nobody's robots.txt says anything.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.bench.fetch import authority, pictures

_END = b"\r\n\r\n"
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
_SEND_BYTES = 1 << 20


@dataclass(frozen=True)
class Config:
    pictures: str
    """Directory of the pictures; the large one is beside them."""
    certificates: str | None
    """Directory of the hosts' certificates; without it the server speaks plain HTTP."""
    addresses: list[str]
    port: int
    latency_seconds: float = 0.0
    """From the request to the first byte of the answer."""
    closes: bool = False
    """Close the connection after each answer, also where the client would go on."""
    is_distinct: bool = False
    """Write the number of the request's query into the picture: no two have the same bytes."""
    cores: list[int] = field(default_factory=lambda: [0])

    def argument(self) -> str:
        return json.dumps(asdict(self))


class Answers:
    """Answers by path: whole, or what each is made of."""

    def __init__(self, directory: Path, *, is_distinct: bool) -> None:
        paths = sorted(directory.glob("*.jpg"))
        self._is_distinct = is_distinct
        self._small = {
            f"/{path.name}".encode(): path.read_bytes()
            if is_distinct
            else _answer(path.stat().st_size) + path.read_bytes()
            for path in paths
        }
        large = directory.parent / "large.jpg"
        self._large = large.read_bytes() if large.exists() else b""

    def of(self, target: bytes) -> Iterator[bytes]:
        path, _, query = target.partition(b"?")
        small = self._small.get(path)
        if small is not None and self._is_distinct:
            body = b"".join(pictures.distinct(small, _number(query)))
            yield _answer(len(body)) + body
        elif small is not None:
            yield small
        elif path == b"/large.jpg":
            head, comment, rest = pictures.distinct(self._large, _number(query))
            yield _answer(len(head) + len(comment) + len(rest)) + head + comment
            for begin in range(0, len(rest), _SEND_BYTES):
                yield rest[begin : begin + _SEND_BYTES]
        else:
            yield _NOT_FOUND


class Connection(asyncio.Protocol):
    def __init__(self, answers: Answers, config: Config) -> None:
        self._answers = answers
        self._config = config
        self._received = b""
        self._unsent: Iterator[bytes] = iter(())
        self._is_paused = False
        self._is_last = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=_SEND_BYTES)

    def data_received(self, data: bytes) -> None:
        self._received += data
        request, end, rest = self._received.partition(_END)
        if not end:
            return
        self._received = rest
        self._is_last = self._config.closes or b"\r\nconnection: close" in request.lower()
        self._unsent = self._answers.of(request.split(b" ", 2)[1])
        if self._config.latency_seconds:
            asyncio.get_running_loop().call_later(self._config.latency_seconds, self._send)
        else:
            self._send()

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        self._send()

    def _send(self) -> None:
        while not self._is_paused:
            piece = next(self._unsent, None)
            if piece is None:
                if self._is_last:
                    self._transport.close()
                return
            self._transport.write(piece)


def _number(query: bytes) -> int:
    return int(query.partition(b"=")[2])


def _answer(size: int) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {size}\r\n\r\n".encode()


async def serve(config: Config) -> None:
    loop = asyncio.get_running_loop()
    answers = Answers(Path(config.pictures), is_distinct=config.is_distinct)
    for address in config.addresses:
        shown = config.certificates and authority.context(Path(config.certificates), address)
        await loop.create_server(
            lambda: Connection(answers, config),
            address,
            config.port,
            ssl=shown or None,
            backlog=1024,
        )
    await loop.create_future()


if __name__ == "__main__":
    stated = Config(**json.loads(sys.argv[1]))
    os.sched_setaffinity(0, stated.cores)
    asyncio.run(serve(stated))
