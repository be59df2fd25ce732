"""
Idempotency-Key: the answer to a creating request, kept in the transaction that created.

A request repeated with its key gets that answer again for as long as it is kept, 24 hours at
least. What fails is not kept: nothing was made, so asking again is safe.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from sqlalchemy.orm import Session

from crawlset.accounts.repository import AccountRepository
from crawlset.errors import BadRequestError, ConflictError, UnprocessableError
from crawlset.kit import db
from crawlset.models import IdempotencyKey

KEPT = timedelta(hours=24)
SECRET_PATHS = frozenset({"/api/api-keys", "/api/webhooks"})
"""Routes whose answers hold secrets: they are not kept, so a repeated request makes another one."""
SIGNED_ENDING = "/uploads"
"""The end of routes whose answers hold links, which would not be good for as long as answers are
kept: they are not kept, and the route itself does the same thing again when it has `key`."""
_KEY = re.compile(r'"([\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255})')
"""A string of structured fields, or the same without its quotes."""
_SUCCESSES = range(200, 300)


class InvalidIdempotencyKeyError(BadRequestError):
    def __init__(self) -> None:
        super().__init__("An Idempotency-Key is 1 to 255 printable characters of ASCII.")


class IdempotencyKeyReusedError(UnprocessableError):
    def __init__(self, key: str) -> None:
        super().__init__(f"The Idempotency-Key {key} was sent with another request before.")


class AskedMeanwhileError(ConflictError):
    """A request with the same key was answered while this one was under way."""

    def __init__(self, key: str) -> None:
        super().__init__(f"A request with the Idempotency-Key {key} is under way; ask again.")


@dataclass(frozen=True, slots=True)
class Asked:
    """The key of a request, and what it must be the same request by."""

    key: str
    fingerprint: bytes


def key(event: APIGatewayProxyEventV2) -> str | None:
    """
    The key that a request was sent with, if any.

    Raises:
        InvalidIdempotencyKeyError: it is none.
    """
    header = event.headers.get("idempotency-key")
    if header is None:
        return None
    match = _KEY.fullmatch(header.strip())
    if match is None:
        raise InvalidIdempotencyKeyError
    return match[1] or match[2]


def asked(event: APIGatewayProxyEventV2) -> Asked | None:
    """
    What a POST with a key asks for, if its answer is to be kept.

    Raises:
        InvalidIdempotencyKeyError: the key is none.
    """
    is_kept = event.path not in SECRET_PATHS and not event.path.endswith(SIGNED_ENDING)
    if event.http_method != "POST" or not is_kept or (given := key(event)) is None:
        return None
    said = f"{event.path}\n{event.raw_query_string}\n{event.body or ''}"
    return Asked(given, hashlib.sha256(said.encode()).digest())


def replay(user_id: UUID, asked: Asked) -> Response[Any] | None:
    """
    The answer that was given to this request before.

    Raises:
        IdempotencyKeyReusedError: the key came with another request.
    """
    with db.single_statement(user_id) as session:
        kept = session.get(IdempotencyKey, (user_id, asked.key))
    if kept is None:
        return None
    if kept.fingerprint != asked.fingerprint:
        raise IdempotencyKeyReusedError(asked.key)
    return Response(
        status_code=kept.status,
        content_type=content_types.APPLICATION_JSON,
        body=json.dumps(kept.body),
        headers={"Idempotency-Replayed": "true"},
    )


def keep(session: Session, user_id: UUID, asked: Asked, response: Response[Any]) -> None:
    """
    Keep a success.

    Raises:
        AskedMeanwhileError: another request with the key was first; nothing of this one stays.
    """
    if response.status_code not in _SUCCESSES:
        return
    body = response.body
    is_kept = AccountRepository(session).keep_answer_once(
        user_id=user_id,
        key=asked.key,
        fingerprint=asked.fingerprint,
        status=response.status_code,
        body=json.loads(body) if isinstance(body, str) else body,
    )
    if not is_kept:
        raise AskedMeanwhileError(asked.key)
