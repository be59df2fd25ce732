"""JSON into dataclasses, strictly, for a function that must start faster than pydantic does."""

from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType
from typing import Any, get_args

_AS_IN_JSON = (bool, int, str, NoneType)


class MalformedError(ValueError):
    """JSON that does not have the shape agreed on; the text says where and how."""


def from_json[T](kind: type[T], message: Any, path: str = "") -> T:
    """
    The dataclass `kind` from what JSON made of it; `path` is where that was found.

    Its fields are bool, int, float, str, UUID, a `StrEnum`, such a dataclass, a `Literal`, or one
    of these and None. No field may be unknown, none without a default missing, none of another
    type: neither is 1 true nor "1" one. Raises `MalformedError`.
    """
    path = path or kind.__name__
    if not isinstance(message, dict):
        raise MalformedError(f"{path} is no object")
    types, required = _shape(kind)  # type: ignore[arg-type]
    if unknown := message.keys() - types.keys():
        raise MalformedError(f"{path} has an unknown field {min(unknown)!r:.40}")
    if missing := required - message.keys():
        raise MalformedError(f"{path} has no {min(missing)}")
    return kind(
        **{name: _value(types[name], value, f"{path}.{name}") for name, value in message.items()}
    )


def _value(types: tuple[Any, ...], value: Any, path: str) -> Any:
    if type(value) in _AS_IN_JSON and type(value) in types:
        return value
    for wanted in types:
        if not isinstance(wanted, type):
            if (type(wanted), wanted) == (type(value), value):
                return value
        elif is_dataclass(wanted) and value is not None:
            return from_json(wanted, value, path)
        elif wanted is float:
            if type(value) in {int, float}:
                return float(value)
        elif wanted not in _AS_IN_JSON and isinstance(value, str):
            with suppress(ValueError):
                return wanted(value)
    raise MalformedError(f"{path} cannot be {value!r:.40}")


@cache
def _shape(kind: Any) -> tuple[dict[str, tuple[Any, ...]], frozenset[str]]:
    """The types that each field may have, and the fields that must be there."""
    declared = fields(kind)
    types = {field.name: get_args(field.type) or (field.type,) for field in declared}
    required = {
        field.name
        for field in declared
        if field.default is MISSING and field.default_factory is MISSING
    }
    return types, frozenset(required)
