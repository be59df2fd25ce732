"""Draw the tables into docs/database.md: `python alembic/diagram.py`."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Dialect, ForeignKeyConstraint, Table
from sqlalchemy.dialects import postgresql

from crawlset.models import Base

PAGE = Path(__file__).parents[1] / "docs/database.md"
DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
BEGIN, END = "<!-- begin tables -->", "<!-- end tables -->"


def diagram() -> str:
    """The tables and their keys as a Mermaid entity-relationship diagram."""
    tables = Base.metadata.sorted_tables
    lines = ["erDiagram"]
    lines += (line for table in tables for line in _entity(table))
    lines += (line for table in tables for line in _parents(table))
    return "\n".join(lines)


def with_diagram(page: str) -> str:
    """`page` with the diagram of today between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n```mermaid\n{diagram()}\n```\n{END}{after}"


def _entity(table: Table) -> Iterator[str]:
    yield f"    {table.name} {{"
    for column in table.columns:
        kind = column.type.compile(dialect=DIALECT).lower()
        kind = kind.partition("(")[0].replace(" with time zone", "tz").replace("[]", "_array")
        key = " PK" if column.primary_key else " FK" if column.foreign_keys else ""
        optional = ' "optional"' if column.nullable else ""
        yield f"        {kind.replace(' ', '_')} {column.name}{key}{optional}"
    yield "    }"


def _parents(table: Table) -> Iterator[str]:
    """A line for each parent but the owner, whom every table has."""
    for constraint in sorted(table.foreign_key_constraints, key=_columns):
        parent = constraint.referred_table.name
        if parent != "profiles" or table.name == "projects":
            yield f"    {parent} ||--o{{ {table.name} : {constraint.column_keys[0]}"


def _columns(constraint: ForeignKeyConstraint) -> list[str]:
    return list(constraint.column_keys)


if __name__ == "__main__":
    PAGE.write_text(with_diagram(PAGE.read_text()))
