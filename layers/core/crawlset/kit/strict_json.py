"""JSON into dataclasses and back, strictly, for functions that must start faster than pydantic."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

_PLAIN = frozenset({bool, int, float, str, NoneType})
"""Types that JSON has itself."""
_IN_JSON: dict[Any, type] = {list: list, tuple: list, dict: dict}
"""What JSON has for a collection."""
_NOTHING: frozenset[Any] = frozenset()


class MalformedJsonError(ValueError):
    """JSON that does not have the shape agreed on; the text says where and how."""


def from_json[T](kind: type[T], message: Any, path: str = "") -> T:
    """
    The dataclass `kind` from what JSON made of it; `path` is where that was found.

    Its fields are bool, int, float, str, UUID, a `datetime` with an offset, a `StrEnum`, such a
    dataclass, a `Literal`, a list, a tuple or a dict of these, Any, or one of these and None. No
    field may be unknown, none without a default missing, none of another type: neither is 1 true
    nor "1" one. Raises `MalformedJsonError`.
    """
    path = path or kind.__name__
    if not isinstance(message, dict):
        raise MalformedJsonError(f"{path} is no object")
    plain, types, required = _shape(kind)  # type: ignore[arg-type]
    converted = {}
    for name, value in message.items():
        if type(value) not in plain.get(name, _NOTHING):
            if name not in types:
                raise MalformedJsonError(f"{path} has an unknown field {name!r:.40}")
            converted[name] = _value(types[name], value, f"{path}.{name}")
    if not required <= message.keys():
        raise MalformedJsonError(f"{path} has no {min(required - message.keys())}")
    return kind(**(message | converted if converted else message))


def to_json(value: Any) -> Any:
    """
    What JSON has for a dataclass as `from_json` reads it, or for a part of one.

    Fields that a dataclass names in `ADDED` are left out where they have their default: readers of
    before they were added refuse them.
    """
    if type(value) in _PLAIN:
        return value
    if is_dataclass(value):
        kind: Any = type(value)
        added = _added(kind)
        told = {}
        for name in field_names(kind):
            field = getattr(value, name)
            if name not in added or field != added[name]:
                told[name] = field if type(field) in _PLAIN else to_json(field)
        return told
    if isinstance(value, dict):
        return {name: to_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else str(value)


@cache
def field_names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@cache
def _added(kind: Any) -> dict[str, Any]:
    """Defaults of the fields that `kind` names in `ADDED`."""
    names = getattr(kind, "ADDED", _NOTHING)
    return {field.name: field.default for field in fields(kind) if field.name in names}


@cache
def required_fields(kind: Any) -> frozenset[str]:
    """Names of the fields that have no default."""
    return frozenset(
        field.name
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    )


def _value(types: tuple[Any, ...], value: Any, path: str) -> Any:
    for wanted in types:
        if _is_of(wanted, value):
            return value
        if is_dataclass(wanted) and value is not None:
            return from_json(wanted, value, path)  # type: ignore[arg-type]
        if isinstance(value, _IN_JSON.get(get_origin(wanted), ())):
            return _collection(wanted, value, path)
        with suppress(ValueError):
            return _converted(wanted, value)
    raise MalformedJsonError(f"{path} cannot be {value!r:.40}")


def _is_of(wanted: Any, value: Any) -> bool:
    """Whether `value` is of a type that JSON has, or is a member of a `Literal`."""
    if wanted is Any or (wanted is type(value) and wanted in _PLAIN):
        return True
    return not isinstance(wanted, type) and (type(wanted), wanted) == (type(value), value)


def _collection(wanted: Any, value: Any, path: str) -> Any:
    """The items of a list, a tuple or a dict are of the last type named, a dict's keys texts."""
    types, plain = _items(wanted)
    members = value.values() if isinstance(value, dict) else value
    if types == (Any,) or plain.issuperset(map(type, members)):
        return value if isinstance(value, dict) else get_origin(wanted)(value)
    if isinstance(value, dict):
        return {name: _value(types, each, f"{path}.{name}") for name, each in value.items()}
    items = (_value(types, each, f"{path}[{place}]") for place, each in enumerate(value))
    return get_origin(wanted)(items)


def _converted(wanted: Any, value: Any) -> Any:
    """Raises `ValueError` for what cannot be made a `wanted`."""
    if wanted is float and type(value) is int:
        return float(value)
    if not isinstance(value, str) or not isinstance(wanted, type) or wanted in _PLAIN:
        raise ValueError
    return _moment(value) if wanted is datetime else wanted(value)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment


@cache
def _shape(
    kind: Any,
) -> tuple[Mapping[str, frozenset[Any]], Mapping[str, tuple[Any, ...]], frozenset[str]]:
    """Types that each field may have as it is, those it may be made, and the fields required."""
    types = {field.name: _alternatives(field.type) for field in fields(kind)}  # type: ignore[arg-type]
    plain = {name: frozenset(each) & _PLAIN for name, each in types.items()}
    return plain, types, required_fields(kind)


@cache
def _items(wanted: Any) -> tuple[tuple[Any, ...], frozenset[Any]]:
    """Types that the items of a collection may be made, and those they may have as they are."""
    types = _alternatives([each for each in get_args(wanted) if each is not ...][-1])
    return types, frozenset(types) & _PLAIN


@cache
def _alternatives(hint: Any) -> tuple[Any, ...]:
    """The members of a union or of a `Literal`, one by one."""
    origin = get_origin(hint)
    if origin is Literal:
        return get_args(hint)
    if origin in (Union, UnionType):
        return tuple(each for member in get_args(hint) for each in _alternatives(member))
    return (hint,)
