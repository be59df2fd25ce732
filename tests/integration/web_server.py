"""A small web server on loopback whose pages may break every rule of HTTP."""

import socket
import socketserver
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

Page = bytes | Callable[[socket.socket], None]


@dataclass(frozen=True)
class Asked:
    """A request as it came in."""

    path: str
    headers: dict[str, str]
    """Names and values in lower case."""
    at: float
    """On the monotonic clock."""


class Web(socketserver.ThreadingTCPServer):
    """Pages by `path` or `host/path`; anything else is a 404. Counts what it is asked for."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.tls = tls
        self.pages: dict[str, Page] = {}
        self.requests: Counter[str] = Counter()
        self.log: list[Asked] = []
        self.user_agents: set[str] = set()
        self.lock = threading.Lock()
        self.is_closing = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset(f"{name}.localhost:{self.port}" for name in ("web", "other"))

    def url(self, path: str, host: str = "web") -> str:
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://{host}.localhost:{self.port}{path}"

    def add(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> str:
        """Put a page up; its URL."""
        self.pages[path] = response(body, status, **headers)
        return self.url(path)

    def handle_error(self, *_: Any) -> None:
        """Clients hang up on purpose here."""


class _Connection(socketserver.BaseRequestHandler):
    server: Web

    def handle(self) -> None:
        connection = self.request
        if self.server.tls is not None:
            connection = self.server.tls.wrap_socket(connection, server_side=True)
        with connection:
            while head := _read_head(connection):
                request, *lines = head.decode("latin-1").split("\r\n")
                path = request.split(" ")[1]
                headers = dict(line.lower().split(": ", 1) for line in lines if line)
                host = headers["host"].partition(".")[0]
                with self.server.lock:
                    self.server.requests[path] += 1
                    self.server.log.append(Asked(path, headers, time.monotonic()))
                    self.server.user_agents.add(headers["user-agent"])
                pages = self.server.pages
                page = pages.get(f"{host}{path}") or pages.get(path) or response(b"", 404)
                if callable(page):
                    page(connection)
                    return
                connection.sendall(page)


def response(body: bytes, status: int = 200, **headers: str) -> bytes:
    head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    headers = {"Content_Length": str(len(body)), **headers}
    head += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


@contextmanager
def serve(tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    web = Web(tls)
    thread = threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.is_closing.set()
        web.shutdown()
        web.server_close()
        thread.join()


def _read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            return b""
        head += piece
    return head.partition(b"\r\n\r\n")[0]
