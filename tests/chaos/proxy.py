"""
What stands between the functions and the emulator, and answers as S3 and SQS do on a bad day.

An error of S3 is the XML below with a status of 500 or 503, after which S3 closes the connection,
as recorded in https://github.com/pingcap/tiflash/issues/10538 (SlowDown with its headers) and
https://github.com/aws/aws-sdk-cpp/pull/167 (InternalError's words). A request that is answered
InternalError may have been done all the same:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ErrorBestPractices.html. SQS answers 200 to a
batch of which it has refused some entries:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html.
"""

import asyncio
import json
import random
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import md5
from typing import Any
from uuid import uuid4

from crawlset_local.ports import LOOPBACK

SEND_BATCH = "AmazonSQS.SendMessageBatch"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    """By lower-case name."""
    raw_head: bytes
    body: bytes

    @property
    def is_s3(self) -> bool:
        """S3 is asked by path; every other service has its own target, form or prefix."""
        signed = self.headers.get("authorization", "") + self.path
        return "/s3/aws4_request" in signed or "%2Fs3%2Faws4_request" in signed

    @property
    def batch(self) -> dict[str, Any] | None:
        """What is to be sent to a queue, if the request is that."""
        is_batch = self.headers.get("x-amz-target") == SEND_BATCH
        return json.loads(self.body) if is_batch else None

    def with_body(self, body: bytes) -> "Request":
        lines = self.raw_head.split(b"\r\n")
        kept = [line for line in lines if not line.lower().startswith(b"content-length:")]
        head = b"\r\n".join([*kept[:1], b"Content-Length: %d" % len(body), *kept[1:]])
        return replace(self, raw_head=head, body=body)


Ask = Callable[[Request], Coroutine[Any, Any, bytes]]
Fault = Callable[[Request, Ask, random.Random], Any]
"""A coroutine that gives the whole answer, or None to let the request pass."""


class ConnectionLostError(Exception):
    """The answer never reaches who asked."""


class Proxy:
    """Passes on what comes at `port`; the `faults` that are set at the moment may interfere."""

    def __init__(self, port: int, emulator_port: int, seed: int) -> None:
        self.url = f"http://{LOOPBACK}:{port}"
        self.faults: list[Fault] = []
        self.n_done = 0
        self._port = port
        self._emulator_port = emulator_port
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._server.close()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, LOOPBACK, self._port, limit=1 << 20, backlog=256
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read_request(reader, writer)) is not None:
                answer = await self._answer(request)
                writer.write(answer)
                await writer.drain()
                head = answer.partition(b"\r\n\r\n")[0].lower()
                if b"connection: close" in head:
                    break
        except (ConnectionLostError, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, request: Request) -> bytes:
        for fault in [*self.faults]:
            answer = await fault(request, self._ask, self._random)
            if answer is not None:
                self.n_done += 1
                return bytes(answer)
        return await self._ask(request)

    async def _ask(self, request: Request) -> bytes:
        """The emulator's answer, whole; each on a connection of its own, which stays simple."""
        reader, writer = await asyncio.open_connection(LOOPBACK, self._emulator_port, limit=1 << 20)
        try:
            writer.write(request.raw_head + b"\r\n\r\n" + request.body)
            await writer.drain()
            return await _read_answer(reader, is_head=request.method == "HEAD")
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split(b"\r\n")
    method, path, _ = first.decode("latin-1").split(" ", 2)
    headers = _headers(lines)
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        head = b"\r\n".join(
            [first, *(line for line in lines if not line.lower().startswith(b"expect:"))]
        )
    body = await _read_body(reader, headers)
    return Request(method, path, headers, head, body)


async def _read_answer(reader: asyncio.StreamReader, *, is_head: bool) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head[:-4].split(b"\r\n")
    status = int(first.split(b" ")[1])
    if is_head or status in {204, 304}:
        return head
    headers = _headers(lines)
    if "content-length" in headers or "transfer-encoding" in headers:
        return head + await _read_body(reader, headers)
    return head + await reader.read(-1)


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    """The body as it came, chunks and all."""
    if "chunked" not in headers.get("transfer-encoding", ""):
        return await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        piece = await reader.readexactly(int(line, 16) + 2)
        body += line + piece
        if piece == b"\r\n":
            return body


def _headers(lines: list[bytes]) -> dict[str, str]:
    pairs = (line.decode("latin-1").partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def s3_error(request: Request, status: str, code: str, message: str) -> bytes:
    """The answer of S3 with this error; a HEAD has no body."""
    request_id, host_id = uuid4().hex[:16].upper(), uuid4().hex * 2
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message>"
        f"<RequestId>{request_id}</RequestId><HostId>{host_id}</HostId></Error>"
    ).encode()
    head = (
        f"HTTP/1.1 {status}\r\nx-amz-request-id: {request_id}\r\nx-amz-id-2: {host_id}\r\n"
        "Content-Type: application/xml\r\nServer: AmazonS3\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    return head if request.method == "HEAD" else head + body


def slow_down(share: float) -> Fault:
    """S3 refuses this share of requests for being too many."""

    async def fault(request: Request, _: Ask, chance: random.Random) -> bytes | None:
        if not request.is_s3 or chance.random() > share:
            return None
        return s3_error(request, "503 Slow Down", "SlowDown", "Please reduce your request rate.")

    return fault


def internal_error(share: float) -> Fault:
    """S3 fails this share of requests; half of them are done all the same."""

    async def fault(request: Request, ask: Ask, chance: random.Random) -> bytes | None:
        if not request.is_s3 or chance.random() > share:
            return None
        if chance.random() > 0.5:
            await ask(request)
        message = "We encountered an internal error. Please try again."
        return s3_error(request, "500 Internal Server Error", "InternalError", message)

    return fault


def lost_replies(share: float) -> Fault:
    """Requests to S3 are done, and the connection breaks before the answer."""

    async def fault(request: Request, ask: Ask, chance: random.Random) -> bytes | None:
        if not request.is_s3 or chance.random() > share:
            return None
        await ask(request)
        raise ConnectionLostError

    return fault


def slow_s3(seconds: float) -> Fault:
    """Each read and write of an object takes so much longer, at most: a slow disk."""

    async def fault(request: Request, _: Ask, chance: random.Random) -> bytes | None:
        if request.is_s3:
            await asyncio.sleep(chance.uniform(0, seconds))
        return None

    return fault


def refused_messages(share: float) -> Fault:
    """SQS refuses some entries of a batch, and says so in a 200."""
    return _changed_batches(share, "refuse")


def lost_messages(share: float) -> Fault:
    """SQS accepts messages that nobody ever receives."""
    return _changed_batches(share, "lose")


def doubled_messages(share: float) -> Fault:
    """SQS delivers messages twice."""
    return _changed_batches(share, "double")


def reordered_messages(share: float) -> Fault:
    """SQS delivers messages of standard queues some seconds late, behind later ones."""
    return _changed_batches(share, "delay")


def _changed_batches(share: float, how: str) -> Fault:
    async def fault(request: Request, ask: Ask, chance: random.Random) -> bytes | None:
        batch = request.batch
        chosen = [e for e in batch["Entries"] if chance.random() <= share] if batch else []
        if not batch or not chosen:
            return None
        is_fifo = batch["QueueUrl"].endswith(".fifo")
        entries = batch["Entries"]
        if how in {"lose", "refuse"}:
            entries = [entry for entry in entries if entry not in chosen]
        elif how == "double":
            entries = [*entries, *(_again(entry, is_fifo=is_fifo) for entry in chosen)][:10]
        elif not is_fifo:
            entries = [
                entry | ({"DelaySeconds": chance.randint(1, 5)} if entry in chosen else {})
                for entry in entries
            ]
        said: dict[str, Any] = {"Successful": [], "Failed": []}
        if entries:
            passed = request.with_body(json.dumps(batch | {"Entries": entries}).encode())
            answer = await ask(passed)
            if not answer.startswith(b"HTTP/1.1 200"):
                return answer
            said |= json.loads(answer.partition(b"\r\n\r\n")[2])
        wanted = {entry["Id"] for entry in batch["Entries"]}
        said["Successful"] = [one for one in said["Successful"] if one["Id"] in wanted]
        if how == "lose":
            said["Successful"] += map(_accepted, chosen)
        if how == "refuse":
            said["Failed"] += map(_refused, chosen)
        return _json_answer(said)

    return fault


def _again(entry: dict[str, Any], *, is_fifo: bool) -> dict[str, Any]:
    """FIFO queues drop what has the same deduplication id within five minutes."""
    fresh = {"MessageDeduplicationId": uuid4().hex} if is_fifo else {}
    return entry | {"Id": f"{entry['Id']}-again"} | fresh


def _accepted(entry: dict[str, Any]) -> dict[str, Any]:
    digest = md5(entry["MessageBody"].encode(), usedforsecurity=False).hexdigest()
    return {"Id": entry["Id"], "MessageId": str(uuid4()), "MD5OfMessageBody": digest}


def _refused(entry: dict[str, Any]) -> dict[str, Any]:
    message = "We encountered an internal error. Please try again."
    return {"Id": entry["Id"], "SenderFault": False, "Code": "InternalError", "Message": message}


def _json_answer(content: dict[str, Any]) -> bytes:
    body = json.dumps({name: value for name, value in content.items() if value}).encode()
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
