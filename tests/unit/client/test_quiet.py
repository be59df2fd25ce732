"""`--quiet`, and what colour and motion are given to terminals and files."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.client.conftest import Shell
from tests.unit.client.fake_answers import problem
from tests.unit.client.fake_api import FakeApi

CRAWL = ("crawl", "cat", "--source", "sample")

DRAW = """
import sys
from crawlset_client.output import Output, table
from crawlset_client.display import open_display
from crawlset_client.progress import Snapshot

output = Output(as_json=False)
with open_display(output.messages) as display:
    display.show(Snapshot("Crawling", "running", 1, 2, "images"))
    display.show(Snapshot("Crawling", "completed", 2, 2, "images"))
output.result(None, lambda console: table(console, ["name"], [["cat"]]))
"""
COLOUR = re.compile(r"\x1b\[[0-9;]*\b(3[0-8]|9[0-7])\b[0-9;]*m")
MOTION = ("\x1b[?25l", "\x1b[1A", "\x1b[2K")
"""Hide the cursor, go up, empty the line."""


class TestQuiet:
    @pytest.mark.parametrize(
        "arguments", [("-q", *CRAWL), (*CRAWL, "--quiet"), (*CRAWL[:2], "-q", *CRAWL[2:])]
    )
    def test_leaves_the_result_alone(self, shell: Shell, arguments: tuple[str, ...]) -> None:
        result = shell.run(*arguments)

        assert (result.exit_code, result.stderr) == (0, "")
        assert "candidates 10" in result.stdout

    def test_is_taken_by_commands_of_groups(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"), "running")

        for arguments in (("jobs", "watch", job["id"], "-q"), ("jobs", "-q", "watch", job["id"])):
            assert shell.run(*arguments).stderr == ""

    def test_keeps_no_error_back(self, api: FakeApi, shell: Shell) -> None:
        api.next_answers = [problem(422, "Bad", "It is bad.")]

        assert "It is bad." in shell.run("-q", "projects", "list").stderr


def run(**env: str) -> "subprocess.CompletedProcess[str]":
    """Draw into files."""
    clean = {"PATH": os.environ["PATH"], "TERM": "xterm-256color"}
    return subprocess.run(
        [sys.executable, "-c", DRAW], env=clean | env, capture_output=True, text=True, check=True
    )


def run_on_a_terminal(**env: str) -> str:
    """What a terminal is sent."""
    main, end = pty.openpty()
    clean = {"PATH": os.environ["PATH"], "TERM": "xterm-256color"}
    with subprocess.Popen([sys.executable, "-c", DRAW], env=clean | env, stdout=end, stderr=end):
        os.close(end)
        sent = b""
        try:
            while piece := os.read(main, 4096):
                sent += piece
        except OSError:
            """So ends a terminal that nobody writes to any more."""
    os.close(main)
    return sent.decode()


class TestColour:
    def test_is_for_terminals(self) -> None:
        sent = run_on_a_terminal()

        assert COLOUR.search(sent)
        assert MOTION[0] in sent

    def test_is_not_for_files(self) -> None:
        done = run()

        assert "\x1b" not in done.stdout + done.stderr

    def test_is_off_where_no_color_says_so(self) -> None:
        sent = run_on_a_terminal(NO_COLOR="1")

        assert not COLOUR.search(sent)

    def test_is_in_files_where_force_color_says_so_but_nothing_moves(self) -> None:
        done = run(FORCE_COLOR="1")

        assert "\x1b[1m" in done.stdout
        assert not any(motion in done.stdout + done.stderr for motion in MOTION)

    def test_is_not_for_dumb_terminals(self) -> None:
        sent = run_on_a_terminal(TERM="dumb")

        assert "\x1b" not in sent
        assert "cat" in sent


def test_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "crawlset_client", "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path("/"),
    )

    assert done.stdout.startswith("crawlset ")
