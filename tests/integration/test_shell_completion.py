"""The Tab key in real shells, against a service on loopback."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from tests.unit.client.fake_answers import API_KEY
from tests.unit.client.fake_api import FakeApi

PRESSED = {
    "bash": "COMP_WORDS=(crawlset {words}); COMP_CWORD={last}; _crawlset_completion crawlset; "
    'printf "%s\\n" "${{COMPREPLY[@]}}"',
    "fish": 'complete --do-complete "crawlset {line}"',
    "zsh": "words=(crawlset {words}); CURRENT={position}; _crawlset_completion",
}
BEFORE = {
    "zsh": """
compdef() {}
_files() {}
_arguments() { eval "offered=( ${${1#*\\(\\(}%))} )"; print -rl -- $offered }
"""
}
"""What zsh has in its line editor alone; its own `_arguments` evaluates what it is given, too."""


@pytest.fixture
def service() -> Iterator[tuple[FakeApi, str]]:
    """A service with its address."""
    api = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            request = httpx.Request(
                "GET", f"http://api.test{self.path}", headers=dict(self.headers)
            )
            answer = api.answer(request)
            self.send_response(answer.status_code)
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield api, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(params=sorted(PRESSED))
def shell(request: pytest.FixtureRequest) -> str:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return str(request.param)


def press_tab(shell: str, api_url: str, directory: Path, *words: str) -> str:
    """What `shell` offers for the last of `words` once it has read our script."""
    programs = directory / "bin"
    programs.mkdir(exist_ok=True)
    program = programs / "crawlset"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m crawlset_client "$@"\n')
    program.chmod(0o755)
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(directory),
        "CRAWLSET_API_URL": api_url,
        "CRAWLSET_API_KEY": API_KEY,
    }

    def run(*argv: str, **more: str) -> str:
        done = subprocess.run(
            argv,
            env=environment | more,
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stderr == ""
        return done.stdout

    script = run("crawlset", _CRAWLSET_COMPLETE=f"source_{shell}")
    quoted = " ".join(f"'{word}'" for word in words)
    pressed = PRESSED[shell].format(
        words=quoted, line=" ".join(words), last=len(words), position=len(words) + 1
    )
    return run(shell, "-c", f"{BEFORE.get(shell, '')}{script}\n{pressed}")


class TestTab:
    def test_offers_commands(
        self, shell: str, service: tuple[FakeApi, str], tmp_path: Path
    ) -> None:
        assert "check-url" in press_tab(shell, service[1], tmp_path, "che")

    def test_offers_jobs(self, shell: str, service: tuple[FakeApi, str], tmp_path: Path) -> None:
        api, url = service
        job = api.add_job(api.add_project("a"))["id"]

        offered = press_tab(shell, url, tmp_path, "jobs", "show", "")

        assert job in offered
        assert ("cats - completed" in offered) == (shell != "bash")

    def test_runs_nothing_that_a_name_says(
        self, shell: str, service: tuple[FakeApi, str], tmp_path: Path
    ) -> None:
        api, url = service
        project = api.add_project("a\\$(touch ran)'$(touch ran)'`touch ran`")
        api.add_job(project)["name"] = "\\$(touch ran)'; touch ran; '`touch ran`"

        for line in (["jobs", "show", ""], ["projects", "show", ""]):
            press_tab(shell, url, tmp_path, *line)

        assert not (tmp_path / "ran").exists()

    def test_is_silent_where_nothing_answers(self, shell: str, tmp_path: Path) -> None:
        offered = press_tab(shell, "http://127.0.0.1:1", tmp_path, "jobs", "show", "")

        assert "error" not in offered
