"""Many rows as one parameter of a statement: a JSON array of objects."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, ColumnElement, FromClause, Text, cast, column, func, literal


def recordset(
    table: FromClause, rows: Sequence[Mapping[str, Any]]
) -> dict[str, ColumnElement[Any]]:
    """
    The columns of `rows`, which all have the same keys, for a statement that joins them.

    The server parses and plans once for all, and one text is made of all values: a parameter for
    each column, an array, took the driver four times as long.
    https://www.postgresql.org/docs/current/functions-json.html has what becomes of each type.
    """
    names = [*rows[0]]
    sent = cast(literal(json.dumps([*rows], default=_as_text), Text), JSON)
    typed = [column(name, table.c[name].type) for name in names]
    given = func.json_to_recordset(sent).table_valued(*typed).render_derived(with_types=True)
    return {name: given.c[name] for name in names}


def _as_text(value: Any) -> str:
    """What the type of its column reads: bytes in hexadecimal digits, all else as Python says."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
