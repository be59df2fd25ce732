"""The commands and links in the documentation are real."""

import re
import shlex
from pathlib import Path

import pytest
from typer._click.exceptions import MissingParameter, UsageError

from tests.command_tree import below, command_at

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ANY = "COMMAND"
"""A place for the name of some command."""


def run_lines(page: Path) -> list[list[str]]:
    """The words after `crawlset` of each line that a block of shell code runs."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"^ *```(?:sh|bash|console)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [
        words
        for line in lines
        if re.match(r"(\$ )?(\S*/|uvx .*)?crawlset ", line)
        for words in [shlex.split(line.rpartition("crawlset ")[2], comments=True)]
    ]


def named_lines(page: Path) -> list[list[str]]:
    """The words after `crawlset` of each command that the text or a comment names."""
    text = re.sub(r"^ *```\w*$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = re.findall(r"`(?:\S*/)?crawlset\s([^`]+)`", text)
    return [words for line in named for words in [shlex.split(line)] if words[0] != ANY]


def parse(words: list[str], *, is_whole: bool) -> None:
    """
    Take the words apart as the command does. Raises `UsageError`.

    Unless it `is_whole`, what the command requires may be missing.
    """
    command, rest = command_at(words)
    if below(command):
        options = {"--help"} | {name for option in command.params for name in option.opts}
        if not options.issuperset(rest):
            raise UsageError(f"There is no command {shlex.join(words)}.")
        return
    try:
        command.make_context(words[0], list(rest))
    except MissingParameter:
        if is_whole:
            raise


def can_be_parsed(words: list[str], *, is_whole: bool) -> bool:
    try:
        parse(words, is_whole=is_whole)
    except UsageError:
        return False
    return True


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

    def test_runs_commands_that_can_be_run(
        self, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        lines = run_lines(page)
        for word in (word for words in lines for word in words):
            if Path(word).suffix and "/" not in word:
                Path(word).touch()  # a file that the reader has

        assert [words for words in lines if not can_be_parsed(words, is_whole=True)] == []

    def test_names_commands_that_exist(self, page: Path) -> None:
        lines = named_lines(page)

        assert [words for words in lines if not can_be_parsed(words, is_whole=False)] == []


def test_commands_are_found_in_all_their_forms() -> None:
    run, named = run_lines(ROOT / "README.md"), named_lines(ROOT / "docs/api.md")

    assert ["demo"] in run
    assert ["diff", "my-dataset", "my-dataset-of-last-week"] in run
    assert ["images", "JOB", "--change", "gone"] in named
    assert len(run) >= 9


@pytest.mark.parametrize(
    "line",
    ["crawl cat --sauce sample", "job list", "jobs lists", "report", "up --port many", "--no-such"],
)
def test_a_line_that_cannot_be_run_is_noticed(line: str) -> None:
    with pytest.raises(UsageError):
        parse(line.split(), is_whole=True)
