"""docs/database.md draws the tables as they are; `make schema` writes it."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_draws_the_tables_as_they_are() -> None:
    page = (ROOT / "docs/database.md").read_text()

    assert runpy.run_path(str(ROOT / "alembic/diagram.py"))["with_diagram"](page) == page
