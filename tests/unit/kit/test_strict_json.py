from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

import pytest

from crawlset.kit.strict_json import MalformedJsonError, from_json

ID = "0193a1b2-0000-7000-8000-000000000001"


class Colour(StrEnum):
    red = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    is_on: bool = True
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Outer:
    kind: Literal[1]
    id: UUID
    n: int
    colour: Colour = Colour.red
    text: str | None = None
    inner: Inner | None = None


def outer(**fields: Any) -> Outer:
    return from_json(Outer, {"kind": 1, "id": ID, "n": 3} | fields)


class TestFromJson:
    def test_fills_in_what_has_a_default(self) -> None:
        assert outer() == Outer(kind=1, id=UUID(ID), n=3)

    def test_reads_every_kind_of_field(self) -> None:
        seen = outer(colour="red", text="a", inner={"is_on": False, "seconds": 2})

        assert seen == Outer(1, UUID(ID), 3, Colour.red, "a", Inner(is_on=False, seconds=2.0))

    def test_takes_null_where_it_may_be(self) -> None:
        assert outer(text=None, inner=None) == outer()

    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({"kind": 2}, "Outer.kind cannot be 2"),
            ({"kind": True}, "Outer.kind cannot be True"),
            ({"id": "7"}, "Outer.id cannot be '7'"),
            ({"id": 7}, "Outer.id cannot be 7"),
            ({"n": "3"}, "Outer.n cannot be '3'"),
            ({"n": True}, "Outer.n cannot be True"),
            ({"n": 3.0}, "Outer.n cannot be 3.0"),
            ({"n": None}, "Outer.n cannot be None"),
            ({"colour": "blue"}, "Outer.colour cannot be 'blue'"),
            ({"text": 1}, "Outer.text cannot be 1"),
            ({"text": []}, r"Outer.text cannot be \[\]"),
            ({"inner": []}, "Outer.inner is no object"),
            ({"inner": {"is_on": 1}}, "Outer.inner.is_on cannot be 1"),
            ({"inner": {"seconds": "2"}}, "Outer.inner.seconds cannot be '2'"),
            ({"inner": {"seconds": True}}, "Outer.inner.seconds cannot be True"),
            ({"inner": {"off": 1}}, "Outer.inner has an unknown field 'off'"),
            ({"more": 1}, "Outer has an unknown field 'more'"),
        ],
    )
    def test_refuses_anything_else(self, fields: dict[str, Any], error: str) -> None:
        with pytest.raises(MalformedJsonError, match=f"^{error}$"):
            outer(**fields)

    def test_names_what_is_missing(self) -> None:
        with pytest.raises(MalformedJsonError, match=r"^Outer has no id$"):
            from_json(Outer, {"kind": 1, "n": 3})

    @pytest.mark.parametrize("message", [None, [], "v", 1])
    def test_refuses_what_is_no_object(self, message: Any) -> None:
        with pytest.raises(MalformedJsonError, match=r"^Outer is no object$"):
            from_json(Outer, message)
