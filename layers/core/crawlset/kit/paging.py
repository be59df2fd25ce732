"""Pages of a list, by an opaque cursor that stays right while rows are added."""

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import BaseModel, Field

from crawlset.errors import BadRequestError
from crawlset.kit.incoming import fault_of

MAX_BIGINT = 2**63 - 1
MAX_PAGE_BYTES = 5 << 20
"""
Bytes of the items of a page as Lambda counts them, once they are JSON inside the JSON of an answer.

Lambda refuses an answer of more than 6,291,556 bytes, after the function has done its work.
"""


class Order(StrEnum):
    """Order of a list by when its rows were made."""

    newest = "-created"
    oldest = "created"


Limit = Annotated[int, Field(ge=1, le=100, description="Items on a page")]
Cursor = Annotated[str | None, Query()]
PageLimit = Annotated[Limit, Query()]
Sort = Annotated[Order, Query()]
Word = Annotated[str | None, Query(min_length=1, max_length=100)]
RowId = Annotated[int, Path(ge=1, le=MAX_BIGINT)]


class InvalidCursorError(BadRequestError):
    def __init__(self) -> None:
        super().__init__("The cursor is not one that a list of this service gave.")


@dataclass(frozen=True, slots=True)
class Slice[T]:
    """One page of rows, and the sort key of its last row if more follow."""

    rows: Sequence[T]
    next_key: str | None
    key: Callable[[T], object]
    """Sort key of a row."""


class Page[T](BaseModel):
    items: list[T]
    next_cursor: str | None = None

    @classmethod
    def of[R](cls, page: Slice[R], read: Callable[[R], T]) -> "Page[T]":
        """Show the rows of `page`, each as `read` gives it; only the first if all are too large."""
        return cls.of_items(page, map(read, page.rows))

    @classmethod
    def of_items[R](cls, page: Slice[R], items: Iterable[T]) -> "Page[T]":
        """Show `items`, one for each row of `page`; only the first if all are too large."""
        shown = fitting(items)
        if len(shown) == len(page.rows):
            return cls(items=shown, next_cursor=page.next_key)
        return cls(items=shown, next_cursor=encode(str(page.key(page.rows[len(shown) - 1]))))


def fitting[T](items: Iterable[T]) -> list[T]:
    """The first of `items`, models of pydantic, that one answer can hold; one at least."""
    shown: list[T] = []
    n_bytes = 0
    for item in items:
        n_bytes += _bytes_in_answer(item)
        if shown and n_bytes > MAX_PAGE_BYTES:
            break
        shown.append(item)
    return shown


def _bytes_in_answer(item: Any) -> int:
    """Size as Lambda counts it: it writes the body as a JSON string, whose quotes are escaped."""
    body: bytes = item.__pydantic_serializer__.to_json(item)
    return len(body) + body.count(b'"') + body.count(b"\\")


def encode(key: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([1, key]).encode()).decode().rstrip("=")


def decode(cursor: str | None) -> str | None:
    """
    The sort key in a cursor.

    Raises:
        InvalidCursorError: `encode` did not make it.
    """
    if cursor is None:
        return None
    try:
        version, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidCursorError from error
    if version != 1 or not isinstance(key, str) or fault_of(key):
        raise InvalidCursorError
    return key


def cut(rows: Sequence[Any], limit: int, key: Any) -> Slice[Any]:
    """Make a slice of `limit + 1` rows that were asked for; `key` gives a row's sort key."""
    if len(rows) <= limit:
        return Slice(rows, None, key)
    page = rows[:limit]
    return Slice(page, encode(str(key(page[-1]))), key)


def decode_uuid(cursor: str | None) -> str | None:
    """Decode the cursor of a list that is sorted by a UUID."""
    return _decode_as(UUID, cursor)


def decode_int(cursor: str | None) -> str | None:
    """Decode the cursor of a list that is sorted by a bigint."""
    return _decode_as(_bigint, cursor)


def _bigint(text: str) -> int:
    number = int(text)
    if not 0 <= number <= MAX_BIGINT:
        raise ValueError(number)
    return number


def _decode_as(kind: Callable[[str], object], cursor: str | None) -> str | None:
    key = decode(cursor)
    try:
        if key is not None:
            kind(key)
    except ValueError as error:
        raise InvalidCursorError from error
    return key
