"""
The laptop's front door: one fixed address before the emulator's API.

Requests beyond a bound wait their turn, where the emulator would refuse them, and every error
that is not the API's own is told as a problem, as the API tells its own.
"""

import argparse
import http.client
import json
import select
import socket
import sys
import threading
import uuid
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from crawlset.kit.security_headers import SECURITY_HEADERS
from crawlset_local.ports import LOOPBACK

CONCURRENT_REQUESTS = 6
QUEUE_SECONDS = 60.0
"""How long a request waits for its turn before it is told 503."""

ANSWER_SECONDS = 35.0
"""Above the 29 or 30 s the API itself has."""

RETRY_AFTER = "5"
"""Seconds, as the API itself says."""

MAX_BODY_BYTES = 10 * 1024 * 1024
"""API Gateway's own limit."""

MAX_LENGTH_DIGITS = 18
"""Digits of a Content-Length; it is too large long before."""

_HOP_BY_HOP = {
    "connection",
    "content-length",
    "date",
    "host",
    "keep-alive",
    "proxy-connection",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
_STATUSES_OF_OTHERS = {
    HTTPStatus.TOO_MANY_REQUESTS: HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.INTERNAL_SERVER_ERROR: HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.BAD_GATEWAY: HTTPStatus.SERVICE_UNAVAILABLE,
}
_PROBLEMS = {
    HTTPStatus.BAD_REQUEST: (
        "BadRequestError",
        "The request is not valid HTTP for this API.",
    ),
    HTTPStatus.UNAUTHORIZED: (
        "UnauthorizedError",
        "Send `Authorization: Bearer cs_…`.",
    ),
    HTTPStatus.FORBIDDEN: (
        "ForbiddenError",
        "This API key is not known, or was revoked.",
    ),
    HTTPStatus.NOT_FOUND: ("NotFoundError", "There is no such path."),
    HTTPStatus.LENGTH_REQUIRED: (
        "LengthRequiredError",
        "Send the body with a Content-Length.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "PayloadTooLargeError",
        f"A request body has at most {MAX_BODY_BYTES} bytes.",
    ),
    HTTPStatus.REQUEST_URI_TOO_LONG: ("UriTooLongError", "The address is too long."),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        "HeadersTooLargeError",
        "The headers are too many or too long.",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "ServiceUnavailableError",
        "The service could not answer; try again.",
    ),
    HTTPStatus.GATEWAY_TIMEOUT: (
        "GatewayTimeoutError",
        "The service took too long to answer.",
    ),
}


class Gateway(ThreadingHTTPServer):
    """Serves `api_id` of the emulator on `emulator_port` at `port` of the loopback."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, emulator_port: int, api_id: str) -> None:
        self.upstream = (LOOPBACK, emulator_port)
        self.upstream_host = f"{api_id}.execute-api.{LOOPBACK}:{emulator_port}"
        self.turns = threading.BoundedSemaphore(CONCURRENT_REQUESTS)
        super().__init__((LOOPBACK, port), _Request)


class _Request(BaseHTTPRequestHandler):
    """One client connection, and the emulator connection it keeps."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 120
    server: Gateway
    upstream: http.client.HTTPConnection | None = None

    def forward(self) -> None:
        request_id = str(uuid.uuid4())
        n_bytes = self._length()
        if isinstance(n_bytes, HTTPStatus):
            self.close_connection = True
            self._answer_problem(n_bytes, request_id)
            return
        body = self.rfile.read(n_bytes) if n_bytes else None
        if not self.server.turns.acquire(timeout=QUEUE_SECONDS):
            self._answer_problem(HTTPStatus.SERVICE_UNAVAILABLE, request_id)
            return
        try:
            answer, payload = self._ask(body)
        except TimeoutError:
            self._answer_problem(HTTPStatus.GATEWAY_TIMEOUT, request_id)
            return
        except (ValueError, http.client.InvalidURL):
            self._answer_problem(HTTPStatus.BAD_REQUEST, request_id)
            return
        except (OSError, http.client.HTTPException) as error:
            self.log_error("%s upstream: %r", request_id, error)
            self._answer_problem(HTTPStatus.SERVICE_UNAVAILABLE, request_id)
            return
        finally:
            self.server.turns.release()
        foreign = _foreign_error(answer, payload)
        if foreign is None:
            self._answer(answer.status, answer.getheaders(), payload)
        else:
            request_id = answer.getheader("apigw-requestid") or request_id
            self.log_error("%s %s %s", request_id, answer.status, payload[:2000])
            self._answer_problem(foreign, request_id)

    do_GET = do_POST = do_PUT = do_PATCH = forward  # noqa: N815
    do_DELETE = do_OPTIONS = do_HEAD = forward  # noqa: N815

    def send_error(
        self,
        code: int,
        message: str | None = None,  # noqa: ARG002
        explain: str | None = None,  # noqa: ARG002
    ) -> None:
        """
        Tell what is wrong with HTTP itself.

        A method that no route has is an unknown path, as in API Gateway.
        """
        self.close_connection = True
        self.request_version = self.protocol_version  # where it is not known, there are no headers
        status = HTTPStatus.NOT_FOUND if code == HTTPStatus.NOT_IMPLEMENTED else HTTPStatus(code)
        known = status if status in _PROBLEMS else HTTPStatus.BAD_REQUEST
        self._answer_problem(known, str(uuid.uuid4()))

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing of what went well; the function's own log has it."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        # A path may carry a cursor or an address: only errors are written, and without it.
        sys.stderr.write(f"{self.log_date_time_string()} {format % args}\n")

    def finish(self) -> None:
        if self.upstream is not None:
            self.upstream.close()
        super().finish()

    def _length(self) -> int | HTTPStatus:
        """The bytes of the request's body, or why it is refused."""
        if "transfer-encoding" in self.headers:
            return HTTPStatus.LENGTH_REQUIRED
        stated = self.headers.get("content-length") or "0"
        if not (stated.isascii() and stated.isdigit() and len(stated) <= MAX_LENGTH_DIGITS):
            return HTTPStatus.BAD_REQUEST
        n_bytes = int(stated)
        if n_bytes > MAX_BODY_BYTES:
            self._discard(n_bytes)
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return n_bytes

    def _discard(self, n_bytes: int) -> None:
        """Read on, within reason: a client that is still sending does not hear an answer."""
        n_left = min(n_bytes, 8 * MAX_BODY_BYTES)
        while n_left and (part := self.rfile.read(min(n_left, 1 << 16))):
            n_left -= len(part)

    def _ask(self, body: bytes | None) -> tuple[http.client.HTTPResponse, bytes]:
        connection = self._connection()
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        headers["Host"] = self.server.upstream_host
        try:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            payload = answer.read()
        except BaseException:
            connection.close()
            self.upstream = None
            raise
        return answer, payload

    def _connection(self) -> http.client.HTTPConnection:
        if self.upstream is not None and _is_closed(self.upstream):
            self.upstream.close()
            self.upstream = None
        if self.upstream is None:
            self.upstream = http.client.HTTPConnection(
                *self.server.upstream, timeout=ANSWER_SECONDS
            )
            self.upstream.connect()
            self.upstream.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.upstream

    def _answer_problem(self, status: HTTPStatus, request_id: str) -> None:
        code, detail = _PROBLEMS[status]
        problem = {
            "type": "about:blank",
            "title": status.phrase,
            "status": status,
            "detail": detail,
            "code": code,
            "request_id": request_id,
        }
        headers = [("Content-Type", "application/problem+json"), *SECURITY_HEADERS.items()]
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers.append(("Retry-After", RETRY_AFTER))
        self._answer(status, headers, json.dumps(problem).encode())

    def _answer(self, status: int, headers: list[tuple[str, str]], payload: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)


def _foreign_error(answer: http.client.HTTPResponse, payload: bytes) -> HTTPStatus | None:
    """The status to tell for an error that the emulator, not the API, answered with."""
    kind = answer.getheader("content-type", "")
    if answer.status < HTTPStatus.BAD_REQUEST or kind.startswith("application/problem+json"):
        return None
    try:
        status = HTTPStatus(answer.status)
        content = json.loads(payload or b"{}")
    except ValueError:
        # The emulator's server refuses in plain text what is no HTTP to it.
        is_server_error = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return HTTPStatus.SERVICE_UNAVAILABLE if is_server_error else HTTPStatus.BAD_REQUEST
    if not isinstance(content, dict) or not content.keys() <= {
        "message",
        "errorMessage",
        "errorType",
        "stackTrace",
    }:
        return None
    if "Task timed out" in str(content.get("errorMessage", content.get("message", ""))):
        return HTTPStatus.GATEWAY_TIMEOUT
    status = _STATUSES_OF_OTHERS.get(status, status)
    return status if status in _PROBLEMS else None


def _is_closed(connection: http.client.HTTPConnection) -> bool:
    """Whether the emulator has closed a connection that it should say nothing on now."""
    return connection.sock is None or bool(select.select([connection.sock], [], [], 0)[0])


def main() -> None:
    parser = argparse.ArgumentParser(prog="crawlset_local.gateway")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--emulator-port", type=int, required=True)
    parser.add_argument("--api-id", required=True)
    arguments = parser.parse_args()
    Gateway(arguments.port, arguments.emulator_port, arguments.api_id).serve_forever()


if __name__ == "__main__":
    main()
