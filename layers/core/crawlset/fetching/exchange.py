"""One request to a URL that a user gave: behind the guard, without redirects, in bounded time."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import certifi
import pycurl

from crawlset.fetching.resolver import system_resolve
from crawlset.fetching.transfer import aim, dial, hardened
from crawlset.identity import Crawler
from crawlset.urls.guard import BlockedUrlError, check_url

CONNECT_SECONDS = 5
SECONDS = 15
MAX_ANSWER_BYTES = 64 << 10
"""Bytes read of the answer's body."""
_STOP = -1


class Exchanged(NamedTuple):
    status: int | None
    """None if no answer came."""
    detail: str
    body: bytes = b""
    """Its first bytes, if the answer was longer than what is read of one."""


def post(url: str, headers: Mapping[str, str], body: str, *, crawler: Crawler) -> Exchanged:
    """Every failure is an answer: whatever the server does, nothing is raised."""

    def prepare(curl: pycurl.Curl) -> None:
        curl.setopt(pycurl.HTTPHEADER, [*(f"{n}: {v}" for n, v in headers.items()), "Expect:"])
        curl.setopt(pycurl.POSTFIELDS, body.encode())

    return _exchange(url, crawler, SECONDS, prepare)


def get(url: str, *, crawler: Crawler, seconds: int) -> Exchanged:
    """Every failure is an answer: whatever the server does, nothing is raised."""
    return _exchange(url, crawler, seconds, lambda _curl: None)


def _exchange(
    url: str, crawler: Crawler, seconds: int, prepare: Callable[[pycurl.Curl], None]
) -> Exchanged:
    try:
        target, addresses = check_url(url, system_resolve, crawler.private_hosts)
    except BlockedUrlError as refusal:
        return Exchanged(None, f"refused: {refusal.reason}")
    except (OSError, UnicodeError):
        return Exchanged(None, "the host's name is not known")
    received = bytearray()
    is_cut = False
    refusals: list[BlockedUrlError] = []

    def open_socket(_purpose: int, address: tuple[int, int, int, tuple[str, int]]) -> object:
        try:
            return dial(target, address)
        except BlockedUrlError as refusal:
            refusals.append(refusal)
            return pycurl.SOCKET_BAD

    def read(piece: bytes) -> int | None:
        nonlocal is_cut
        received.extend(piece[: MAX_ANSWER_BYTES - len(received)])
        is_cut = len(received) == MAX_ANSWER_BYTES
        return _STOP if is_cut else None

    curl = hardened(crawler.user_agent, crawler.ca_file or certifi.where())
    aim(curl, target, addresses)
    curl.setopt(pycurl.CONNECTTIMEOUT, CONNECT_SECONDS)
    curl.setopt(pycurl.TIMEOUT, seconds)
    curl.setopt(pycurl.OPENSOCKETFUNCTION, open_socket)
    curl.setopt(pycurl.WRITEFUNCTION, read)
    prepare(curl)
    try:
        curl.perform()
    except pycurl.error as error:
        if refusals:
            return Exchanged(None, f"refused: {refusals[0].reason}")
        if not is_cut:
            return Exchanged(None, str(error.args[1])[:200])
    finally:
        status = curl.getinfo(pycurl.RESPONSE_CODE)
        curl.close()
    return Exchanged(status, f"HTTP {status}", bytes(received))
