"""docs/sources.md has the sources as they are; `make sources` writes it."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_has_the_sources_as_they_are() -> None:
    page = (ROOT / "docs/sources.md").read_text()

    assert runpy.run_path(str(ROOT / "infra/sources_page.py"))["with_table"](page) == page
