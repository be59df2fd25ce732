"""One POST to a URL that a user gave: behind the guard, without redirects, in bounded time."""

import json
from collections.abc import Mapping
from typing import NamedTuple

import certifi
import pycurl

from crawlset.fetching.resolver import system_resolve
from crawlset.fetching.transfer import aim, dial, hardened
from crawlset.identity import Crawler
from crawlset.kit import aws
from crawlset.observability import logger
from crawlset.settings import result_settings
from crawlset.urls.guard import BlockedUrlError, check_url
from crawlset.wire.deliveries import DeliveryResult, SignedDelivery

CONNECT_SECONDS = 5
SECONDS = 15
MAX_ANSWER_BYTES = 64 << 10
"""Bytes read of the answer's body, which nobody looks at."""
_STOP = -1


class Posted(NamedTuple):
    status: int | None
    """None if no answer came."""
    detail: str


def deliver(signed: SignedDelivery) -> None:
    """Make one attempt of a webhook's delivery, and tell `record` how it went."""
    posted = post(signed.url, signed.headers, signed.body, crawler=Crawler.from_environment())
    result = DeliveryResult(
        delivery_id=signed.delivery_id,
        attempt=signed.attempt,
        status=posted.status,
        detail=posted.detail,
    )
    aws.patient_sqs().send_message(
        QueueUrl=result_settings().results_queue_url, MessageBody=json.dumps(result.to_json())
    )
    logger.info("delivered", delivery_id=str(signed.delivery_id), detail=posted.detail)


def post(
    url: str,
    headers: Mapping[str, str],
    body: str,
    *,
    crawler: Crawler,
) -> Posted:
    """Every failure is an answer: whatever the server does, nothing is raised."""
    try:
        target, addresses = check_url(url, system_resolve, crawler.private_hosts)
    except BlockedUrlError as refusal:
        return Posted(None, f"refused: {refusal.reason}")
    except (OSError, UnicodeError):
        return Posted(None, "the host's name is not known")
    received = 0
    refusals: list[BlockedUrlError] = []

    def open_socket(_purpose: int, address: tuple[int, int, int, tuple[str, int]]) -> object:
        try:
            return dial(target, address)
        except BlockedUrlError as refusal:
            refusals.append(refusal)
            return pycurl.SOCKET_BAD

    def read(piece: bytes) -> int | None:
        nonlocal received
        received += len(piece)
        return _STOP if received > MAX_ANSWER_BYTES else None

    curl = hardened(crawler.user_agent, crawler.ca_file or certifi.where())
    aim(curl, target, addresses)
    curl.setopt(pycurl.CONNECTTIMEOUT, CONNECT_SECONDS)
    curl.setopt(pycurl.TIMEOUT, SECONDS)
    curl.setopt(pycurl.HTTPHEADER, [*(f"{n}: {v}" for n, v in headers.items()), "Expect:"])
    curl.setopt(pycurl.POSTFIELDS, body.encode())
    curl.setopt(pycurl.OPENSOCKETFUNCTION, open_socket)
    curl.setopt(pycurl.WRITEFUNCTION, read)
    try:
        curl.perform()
    except pycurl.error as error:
        if refusals:
            return Posted(None, f"refused: {refusals[0].reason}")
        if received <= MAX_ANSWER_BYTES:
            return Posted(None, str(error.args[1])[:200])
    finally:
        status = curl.getinfo(pycurl.RESPONSE_CODE)
        curl.close()
    return Posted(status, f"HTTP {status}")
