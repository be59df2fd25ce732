"""The commands and links in the documentation are real."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from crawlset_client.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = set(vars(get_command(app))["commands"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
class TestPage:
    def test_links_to_files_that_exist(self, page: Path) -> None:
        targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))

        assert [t for t in targets if not (page.parent / t).exists()] == []

    def test_names_make_targets_that_exist(self, page: Path) -> None:
        named = set(re.findall(r"(?:\$|`)\s?make ([a-z]+)", page.read_text(encoding="utf-8")))
        targets = set(
            re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        )

        assert named <= targets

    def test_names_commands_that_exist(self, page: Path) -> None:
        named = set(re.findall(r"\.venv/bin/crawlset ([a-z-]+)", page.read_text(encoding="utf-8")))

        assert named <= COMMANDS
