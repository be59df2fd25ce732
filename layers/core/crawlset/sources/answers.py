"""Ask a source's HTTP API, and tell the ways it can fail apart."""

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import httpx

from crawlset.errors import SourceError, SourceRefusedError, SourceThrottledError
from crawlset.kit.retry_after import retry_after_seconds
from crawlset.sources.protocol import SourceUnavailableError

MAX_ANSWER_BYTES = 16 << 20
DEFAULT_WAIT_SECONDS = 60.0
"""Seconds to wait where `Retry-After` does not say."""
USED_UP = b"run out of searches"
"""
What SerpApi says with a 429 to an account whose plan is used up, as to one that asks too often.
https://github.com/serpapi/serpapi-python
"""


class MissingError(SourceRefusedError):
    """What was asked for is not there, or no more: HTTP 404 or 410."""


class BadQuestionError(SourceRefusedError):
    """The source takes no such question: HTTP 400."""


class NotJsonError(SourceError):
    """An answer that is no JSON, though nothing was wrong with the question."""

    def __init__(self, source: str, content_type: str) -> None:
        self.is_html = "html" in content_type
        super().__init__(f"{source} answered {content_type[:60]} that is not JSON.")


class ShutOutError(SourceRefusedError):
    """A firewall before the source answers in its place: HTTP 403 with a page for people."""


def ask_json(
    source: str,
    client: httpx.Client,
    request: httpx.Request,
    note: Callable[[httpx.Headers], None] | None = None,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
) -> Any:
    """
    The JSON that `source` answers; `note` is told the headers of any answer.

    Raises `SourceThrottledError` (429, or 503 with Retry-After; `wait_seconds` stand where it does
    not say), `SourceUnavailableError` (5xx, no connection, no answer in time), `SourceRefusedError`
    (other 4xx; `MissingError`, `BadQuestionError` and `ShutOutError` are such), `NotJsonError` and
    `SourceError` (a redirect, more than 16 MiB).
    """
    try:
        answer = client.send(request, stream=True)
        with closing(answer):
            if note is not None:
                note(answer.headers)
            _check_status(source, answer, wait_seconds)
            body = _read(source, answer)
    except httpx.RequestError as error:
        raise SourceUnavailableError(source, type(error).__name__) from error
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotJsonError(source, answer.headers.get("content-type", "something")) from error


def _check_status(source: str, answer: httpx.Response, wait_seconds: float) -> None:
    status = answer.status_code
    wait = answer.headers.get("retry-after")
    if status == HTTPStatus.TOO_MANY_REQUESTS or (
        status == HTTPStatus.SERVICE_UNAVAILABLE and wait is not None
    ):
        if USED_UP in _read(source, answer):
            raise SourceRefusedError(f"{source}: the account has no searches left.")
        seconds = retry_after_seconds(wait, datetime.now(UTC))
        raise SourceThrottledError(source, wait_seconds if seconds is None else seconds)
    if answer.is_server_error:
        raise SourceUnavailableError(source, f"HTTP {status}")
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        raise MissingError(f"{source} has nothing there (HTTP {status}).")
    if status == HTTPStatus.BAD_REQUEST:
        raise BadQuestionError(f"{source} refuses the search (HTTP {status}).")
    if answer.headers.get("cf-mitigated") == "challenge":
        raise SourceRefusedError(f"{source} shows a challenge that only browsers pass.")
    if status == HTTPStatus.FORBIDDEN and "html" in answer.headers.get("content-type", ""):
        raise ShutOutError(f"{source} is behind a firewall that refuses us (HTTP {status}).")
    if answer.is_client_error:
        raise SourceRefusedError(f"{source} refuses the search (HTTP {status}).")
    if status != HTTPStatus.OK:
        raise SourceError(f"{source} answered HTTP {status}.")


def _read(source: str, answer: httpx.Response) -> bytes:
    body = bytearray()
    for piece in answer.iter_bytes():
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise SourceError(f"{source} answered more than {MAX_ANSWER_BYTES >> 20} MiB.")
    return bytes(body)
