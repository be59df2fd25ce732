"""What a caller sends, read and refused in one place before any route sees it."""

import json
import math
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as NoRouteError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

MAX_DEPTH = 32
"""Levels of a JSON body; the deepest that any route reads has six."""
MAX_INTEGER = 2**63 - 1
"""The largest that a column holds, and that other languages' JSON readers take for an integer."""
_MAX_DIGITS = 19
Place = tuple[str | int, ...]


def refuse_unreadable(
    app: APIGatewayHttpResolver, next_middleware: NextMiddleware
) -> Response[Any]:
    """
    Middleware that lets nothing past it that PostgreSQL could not keep.

    Raises:
        NoRouteError: the path has such text, so it names nothing.
        RequestValidationError: the query or the body has, or the body is not UTF-8.
    """
    event = app.current_event
    if fault_of(event.path) is not None:
        raise NoRouteError
    for name, value in (event.query_string_parameters or {}).items():
        if fault := fault_of(name):
            raise _invalid(("query",), fault)
        if fault := fault_of(value):
            raise _invalid(("query", name), fault)
    _require_utf8(event)
    return next_middleware(app)


def read_json(text: str) -> Any:
    """
    The value of a JSON body.

    Raises:
        RequestValidationError: it is not JSON, is nested too deep, or holds what PostgreSQL cannot.
    """
    try:
        value = json.loads(text, parse_int=_number)
    except json.JSONDecodeError as error:
        raise _invalid(("body", error.pos), f"is not JSON: {error.msg}") from error
    except RecursionError as error:
        raise _invalid(("body",), _TOO_DEEP) from error
    for place, each in _parts(value):
        if len(place) > MAX_DEPTH:
            raise _invalid(("body",), _TOO_DEEP)
        if fault := fault_of(each):
            raise _invalid(("body", *place), fault)
    return value


def fault_of(value: Any) -> str | None:
    """Say why PostgreSQL could not keep this text or number; None if it can."""
    if isinstance(value, str):
        if "\0" in value:
            return "holds a NUL"
        return None if value.isascii() or _is_unicode(value) else "holds half of a surrogate pair"
    if isinstance(value, float):
        return None if math.isfinite(value) else "is too large a number, or none"
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        return "is too large a number, or none"
    return None


_TOO_DEEP = f"is nested more than {MAX_DEPTH} deep"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(digits: str) -> int | float:
    """Python refuses to read more than 4,300 digits; what is too long anyway need not be read."""
    return int(digits) if len(digits.lstrip("-")) <= _MAX_DIGITS else math.inf


def _parts(value: Any) -> Iterator[tuple[Place, Any]]:
    """Every value in it with its place, and every name with that of what has it."""
    left: list[tuple[Place, Any]] = [((), value)]
    while left:
        place, each = left.pop()
        yield place, each
        if len(place) > MAX_DEPTH:
            continue
        if isinstance(each, dict):
            for name, child in each.items():
                yield place, name
                left.append(((*place, name), child))
        elif isinstance(each, list):
            left.extend(((*place, index), child) for index, child in enumerate(each))


def _require_utf8(event: BaseProxyEvent) -> None:
    """The gateway sends a body as base64 unless its type says that it is text."""
    if not event.is_base64_encoded:
        return
    try:
        b64decode(event.body or "").decode()
    except ValueError as error:
        raise _invalid(("body",), "is not UTF-8") from error


def _invalid(place: Place, message: str) -> RequestValidationError:
    return RequestValidationError(
        [{"type": "value_error", "loc": place, "msg": message, "input": None}]
    )
