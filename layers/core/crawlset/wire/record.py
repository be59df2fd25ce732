"""JSON objects that one function writes and another reads: a dataclass that both import."""

import json
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, ClassVar, Self

from crawlset.kit import strict_json
from crawlset.kit.json_lines import pack_lines
from crawlset.kit.strict_json import MalformedJsonError


class UnknownVersionError(MalformedJsonError):
    """A message or an object of a version that this reader does not know."""

    def __init__(self, kind: type, version: Any, known: int) -> None:
        super().__init__(f"{kind.__name__}.v cannot be {version!r:.40}; known: {known}")


class Record:
    """A JSON object without a version, such as a line that follows a head."""

    __slots__ = ()

    DROPPED: ClassVar[frozenset[str]] = frozenset()
    """Fields that earlier writers wrote and nobody reads; ignored."""
    ADDED: ClassVar[frozenset[str]] = frozenset()
    """Fields that earlier readers refuse; not written where they have their default."""
    IS_SPARSE: ClassVar[bool] = False
    """Whether fields that have their default are not written."""

    def to_json(self) -> dict[str, Any]:
        """What `json.dumps` takes; `from_json` reads it back."""
        told: dict[str, Any] = strict_json.to_json(self)
        if self.IS_SPARSE:
            for field in fields(self):  # type: ignore[arg-type]
                if getattr(self, field.name) == field.default:
                    told.pop(field.name, None)
        return told

    @classmethod
    def from_json(cls, message: Any) -> Self:
        """Read a JSON text, or what JSON made of one. Raises `MalformedJsonError`."""
        if isinstance(message, str | bytes):
            message = loads(message)
        if cls.DROPPED and isinstance(message, dict):
            message = {name: each for name, each in message.items() if name not in cls.DROPPED}
        return strict_json.from_json(cls, message)

    @classmethod
    def describes(cls, message: Any) -> bool:
        """Whether a message that may be of several kinds has the fields of this one."""
        kind: Any = cls
        return isinstance(message, dict) and strict_json.required_fields(kind) <= message.keys()


class Versioned(Record):
    """A message, or the head of an object: its field `v` says which version it is of."""

    __slots__ = ()

    VERSION: ClassVar[int] = 1

    def to_json(self) -> dict[str, Any]:
        return {"v": self.VERSION} | super().to_json()

    @classmethod
    def from_json(cls, message: Any) -> Self:
        """Read the record strictly, its version first; raises `MalformedJsonError`."""
        if isinstance(message, str | bytes):
            message = loads(message)
        if isinstance(message, dict):
            if "v" not in message:
                raise MalformedJsonError(f"{cls.__name__} has no v")
            message = dict(message)
            version = message.pop("v")
            if (type(version), version) != (int, cls.VERSION):
                raise UnknownVersionError(cls, version, cls.VERSION)
        return super().from_json(message)


def pack(head: Record, lines: Iterable[Record] = ()) -> bytes:
    """The object of a head and the lines below it."""
    return pack_lines([head.to_json(), *(line.to_json() for line in lines)])


def unpack[Head: Record, Line: Record](
    head: type[Head], line: type[Line], lines: Iterable[Any]
) -> tuple[Head, list[Line]]:
    """Read what `pack` wrote, line by line. Raises `MalformedJsonError`."""
    rest = iter(lines)
    return head.from_json(next(rest, None)), [line.from_json(each) for each in rest]


def loads(text: str | bytes) -> Any:
    """Parse JSON; raises `MalformedJsonError`."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise MalformedJsonError(f"The message is no JSON: {error}") from None
