"""Pages of a list, by an opaque cursor that stays right while rows are added."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import BaseModel, Field

from crawlset.errors import BadRequestError
from crawlset.kit.incoming import fault_of

MAX_BIGINT = 2**63 - 1


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


class Page[T](BaseModel):
    items: list[T]
    next_cursor: str | None = None

    @classmethod
    def of[R](cls, page: Slice[R], read: Callable[[R], T]) -> "Page[T]":
        """Show the rows of `page`, each as `read` gives it."""
        return cls(items=[read(row) for row in page.rows], next_cursor=page.next_key)


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
        return Slice(rows, None)
    page = rows[:limit]
    return Slice(page, encode(str(key(page[-1]))))


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
