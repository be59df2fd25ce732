"""
Types of fields in sources' answers, and one rule for what is odd in them.

A field of another type than its source documents is read as what it can only mean, or as missing.
An item that cannot be read is left out and counted; the others of its page are not affected.
"""

from collections.abc import Callable, Iterable
from math import isfinite
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from crawlset.sources.protocol import Candidate, CandidatePage

MAX_DIGITS = 18


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        return next((text for part in value if (text := _text(part))), None)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def _whole(value: Any) -> int | None:
    if isinstance(value, str):
        digits = value.strip().removesuffix(".0")
        is_number = digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS
        return int(digits) if is_number else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return int(value)


def _truth(value: Any) -> bool:
    return value is True or value == 1 or (isinstance(value, str) and value.lower() == "true")


def _items(value: Any) -> Any:
    """PHP writes a list whose places are not in a row as an object."""
    if isinstance(value, dict):
        return list(value.values())
    return [] if value is None else value


def _several(value: Any) -> list[Any]:
    """JSON-LD writes a list of one as the one."""
    if isinstance(value, dict):
        return [value]
    return value if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for part in values if (text := _text(part))]


def _named(value: Any) -> Any:
    """PHP writes an empty object as an empty list."""
    return value if isinstance(value, dict) else {}


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


def _without_none(values: list[Any]) -> list[Any]:
    return [value for value in values if value is not None]


Text = Annotated[str | None, BeforeValidator(_text)]
"""Text without blanks around it; of a list the first that there is. None where there is none."""
Texts = Annotated[list[str], BeforeValidator(_texts)]
"""Every text of a list, or the only one."""
Whole = Annotated[int | None, BeforeValidator(_whole)]
"""A whole number, which may come as text."""
Truth = Annotated[bool, BeforeValidator(_truth)]
Address = Annotated[str, BeforeValidator(_text)]
"""Text without which an item is nothing."""
Items = Annotated[list[Any], BeforeValidator(_items)]
"""Items of a page as they came, for `page_of`. What is no list is another shape of answer."""
Named = Annotated[dict[str, Any], BeforeValidator(_named)]
type Part[Shape] = Annotated[Shape, BeforeValidator(_named)]
"""An object within an item; empty where it is missing."""
type Each[Shape] = Annotated[
    list[Annotated[Shape, WrapValidator(_or_none)]],
    BeforeValidator(_several),
    AfterValidator(_without_none),
]
"""Objects within an item, those that can be read."""


def page_of[Shape: BaseModel](
    items: Iterable[Any],
    shape: type[Shape],
    candidates_of: Callable[[Shape], Iterable[Candidate]],
    *,
    total: int | None = None,
    cursor: Any = None,
) -> CandidatePage:
    """The candidates of those `items` that can be read; the others are counted."""
    page = CandidatePage(total=total, cursor=cursor)
    for item in items:
        try:
            page += candidates_of(shape.model_validate(item))
        except ValidationError:
            page.n_skipped += 1
    return page
