"""Just enough HTTP/1.1 for the sample site: keep-alive, fixed and chunked bodies, no uploads."""

import re
import socket
import struct
from asyncio import IncompleteReadError, LimitOverrunError, StreamReader, StreamWriter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import unquote

MAX_BODY_BYTES = 64 * 1024
_START_LINE = re.compile(r"(?P<method>[A-Z]+) (?P<target>/\S*) HTTP/(?P<version>1\.[01])")


class MalformedRequestError(Exception):
    """The connection can only be answered once more and closed."""

    def __init__(self, status: HTTPStatus) -> None:
        self.status = status
        super().__init__(status.phrase)


@dataclass(frozen=True)
class Request:
    """`target` is what the client sent, `path` the same percent-decoded and without the query."""

    method: str
    target: str
    host: str
    is_last: bool

    @property
    def raw_path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def path(self) -> str:
        return unquote(self.raw_path)

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def hostname(self) -> str:
        return self.host.partition(":")[0]


@dataclass(frozen=True)
class Response:
    """
    A body in bytes is sent whole; a streamed one is chunked unless `length` announces its size.

    A stream with an announced length is one that falls short of it; the connection then closes.
    """

    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "text/plain; charset=utf-8"
    body: bytes | AsyncIterator[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


@dataclass(frozen=True)
class Unruly:
    """An answer sent as it is, head and all, after which the connection is closed, or reset."""

    pieces: AsyncIterator[bytes]
    is_reset: bool = False


async def read_request(reader: StreamReader) -> Request | None:
    """The next request, or None once the client is gone."""
    try:
        first = await reader.readexactly(1)
        if not first.isupper():
            raise MalformedRequestError(HTTPStatus.BAD_REQUEST)
        head = first + await reader.readuntil(b"\r\n\r\n")
    except (IncompleteReadError, ConnectionError):
        return None
    except LimitOverrunError as error:
        raise MalformedRequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from error
    line, *lines = head[:-4].decode("latin-1").split("\r\n")
    start = _START_LINE.fullmatch(line)
    if start is None:
        raise MalformedRequestError(HTTPStatus.BAD_REQUEST)
    headers = {}
    for header in lines:
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    await _skip_body(reader, headers)
    connection = headers.get("connection", "").lower()
    return Request(
        method=start["method"],
        target=start["target"],
        host=headers.get("host", "").lower(),
        is_last=connection == "close" or start["version"] == "1.0",
    )


async def write_response(
    writer: StreamWriter, request: Request, response: Response | Unruly
) -> bool:
    """Send it; say whether the connection can serve another request."""
    if isinstance(response, Unruly):
        await _write_unruly(writer, response)
        return False
    length = len(response.body) if isinstance(response.body, bytes) else response.length
    head = [f"HTTP/1.1 {response.status.value} {response.status.phrase}"]
    head.append(f"Content-Type: {response.content_type}")
    head.append("Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}")
    head.extend(f"{name}: {value}" for name, value in response.headers.items())
    if request.is_last:
        head.append("Connection: close")
    writer.write(("\r\n".join(head) + "\r\n\r\n").encode("latin-1"))
    if request.method == "HEAD":
        await writer.drain()
        return not request.is_last
    if isinstance(response.body, bytes):
        writer.write(response.body)
        await writer.drain()
    elif length is None:
        async for piece in response.body:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
    else:
        async for piece in response.body:
            writer.write(piece)
            await writer.drain()
    return response.length is None and not request.is_last


async def _write_unruly(writer: StreamWriter, response: Unruly) -> None:
    async for piece in response.pieces:
        writer.write(piece)
        await writer.drain()
    if response.is_reset:
        at_once = struct.pack("ii", 1, 0)
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        writer.transport.abort()


async def _skip_body(reader: StreamReader, headers: Mapping[str, str]) -> None:
    if "transfer-encoding" in headers:
        raise MalformedRequestError(HTTPStatus.LENGTH_REQUIRED)
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise MalformedRequestError(HTTPStatus.BAD_REQUEST)
    if int(length) > MAX_BODY_BYTES:
        raise MalformedRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        await reader.readexactly(int(length))
    except IncompleteReadError as error:
        raise MalformedRequestError(HTTPStatus.BAD_REQUEST) from error
