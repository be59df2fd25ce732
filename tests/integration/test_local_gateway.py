"""What the laptop's front door answers itself, to HTTP that is none and for an API that is away."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from crawlset.kit.security_headers import SECURITY_HEADERS
from crawlset_local.gateway import Gateway
from tests.ports import free_port

GET = b"GET /api/health HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /api/projects HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"


class Forbidding(BaseHTTPRequestHandler):
    """Answers as API Gateway does when an authorizer refuses, or as uvicorn to what is no HTTP."""

    def do_GET(self) -> None:
        is_http = "if-match" not in self.headers
        body = b'{"message":"Forbidden"}' if is_http else b"Invalid HTTP request received."
        self.send_response(403 if is_http else 400)
        self.send_header("Content-Type", "application/json" if is_http else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with (
        serving(ThreadingHTTPServer(("127.0.0.1", 0), Forbidding)) as upstream,
        serving(Gateway(free_port(), upstream, "api")) as port,
    ):
        yield port


def say(port: int, request: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Send the bytes as they are."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        answered = b""
        while part := connection.recv(1 << 16):
            answered += part
    head, _, body = answered.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, json.loads(body)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /api/health HTTP/9.9\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET /\0 HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (GET + b"A: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (GET + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"BREW /api/health HTTP/1.1\r\n\r\n", 404),
        (POST + b"Content-Length: cat\r\n\r\n", 400),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    ],
    ids=lambda value: value if isinstance(value, int) else value[:40].decode("latin-1"),
)
def test_what_is_no_http_is_told_as_a_problem(port: int, request_: bytes, expected: int) -> None:
    status, headers, problem = say(port, request_)

    assert (status, problem["status"]) == (expected, expected)
    assert headers["Content-Type"] == "application/problem+json"
    assert headers.items() >= SECURITY_HEADERS.items()


def test_what_the_emulators_server_takes_for_no_http_is_told_as_a_problem(port: int) -> None:
    status, headers, problem = say(port, GET + b"If-Match: \x1b[31m\r\nConnection: close\r\n\r\n")

    assert (status, problem["code"]) == (400, "BadRequestError")
    assert headers.items() >= SECURITY_HEADERS.items()


def test_what_the_gateway_refuses_has_the_headers_of_every_answer(port: int) -> None:
    answer = httpx.get(f"http://127.0.0.1:{port}/api/projects")

    assert (answer.status_code, answer.json()["code"]) == (403, "ForbiddenError")
    assert answer.headers.items() >= {k.lower(): v for k, v in SECURITY_HEADERS.items()}.items()
