"""Notices of objects: the bucket's events, and those that the tick sends for lost ones."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from crawlset.wire.record import Versioned


@dataclass(frozen=True, slots=True)
class ObjectNotice(Versioned):
    """Says that an object is there, to be planned or recorded."""

    key: str


def keys_of(message: dict[str, Any]) -> list[str]:
    """
    The object keys that a message names: an S3 event, or an `ObjectNotice`.

    S3 announces itself once with a test event, which names none. Raises `MalformedJsonError`, and
    `KeyError` for what is neither.
    """
    if ObjectNotice.describes(message):
        return [ObjectNotice.from_json(message).key]
    return keys_of_event(message)


def keys_of_event(event: dict[str, Any]) -> list[str]:
    """The object keys that an S3 event names."""
    if event.get("Event") == "s3:TestEvent":
        return []
    return [unquote_plus(record["s3"]["object"]["key"]) for record in event["Records"]]
