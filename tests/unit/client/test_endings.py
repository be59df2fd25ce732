"""However a command ends, it says why in one line; a traceback is a defect."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.client.conftest import Shell
from tests.unit.client.fake_api import FakeApi

COMMAND = "from crawlset_client.command import main; main()"
INTERRUPTED_IMPORT = """
import sys

class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, CtrlC())
"""


def run(
    *arguments: str, program: str = COMMAND, cwd: Path | None = None, **env: str | None
) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "CRAWLSET_API_URL": "http://127.0.0.1:1", **env}
    return subprocess.run(
        [sys.executable, "-P", "-c", program, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={name: value for name, value in environ.items() if value is not None},
        check=False,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], code: str) -> None:
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert line.endswith(f"({code})")


@pytest.mark.parametrize("key", ["cs_\u00e9", "cs_a b", "cs_a\nb"])
def test_a_key_that_no_header_can_hold(key: str) -> None:
    done = run("jobs", "list", CRAWLSET_API_KEY=key)

    assert done.returncode == 1
    assert_one_line(done, "ConfigError")
    assert key not in done.stderr


@pytest.mark.parametrize(
    "url", ["foo", "http://[", "http://", "http://h:99999", "http://h:x", "http://\u00e9..\u00e9"]
)
def test_an_address_that_is_none(url: str) -> None:
    done = run("jobs", "list", CRAWLSET_API_URL=url)

    assert done.returncode == 1
    assert_one_line(done, "ConfigError")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[]", b"{", b""])
def test_a_profile_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "profile.json").write_bytes(content)

    assert_one_line(run("jobs", "list", CRAWLSET_HOME=str(tmp_path)), "ConfigError")


def test_a_directory_where_the_profile_is(tmp_path: Path) -> None:
    (tmp_path / "profile.json").mkdir()

    assert_one_line(run("jobs", "list", CRAWLSET_HOME=str(tmp_path)), "ConfigError")


def test_a_working_directory_that_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    program = f"import os; os.rmdir({str(gone)!r}); {COMMAND}"

    assert_one_line(run("jobs", "list", program=program, cwd=gone), "ConfigError")


def test_no_home(tmp_path: Path) -> None:
    assert run("--version", HOME=None).returncode == 0


def test_text_that_is_no_utf_8(shell: Shell) -> None:
    done = shell.run("crawl", "--source", "sample", "c\udcffat")

    assert done.exit_code == 2
    assert "UTF-8" in done.stderr


def test_a_file_name_that_is_no_utf_8(shell: Shell) -> None:
    path = shell.directory / "\udcff.txt"
    path.write_text("http://host.test/a.jpg\n")

    assert shell.run("crawl", "--urls", str(path)).exit_code == 0


def test_ctrl_c_while_modules_are_imported() -> None:
    done = run("jobs", "list", program=INTERRUPTED_IMPORT + COMMAND)

    assert done.returncode == 130
    assert_one_line(done, "WatchInterruptedError")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="No /dev/full on this system")
def test_a_full_disk_behind_standard_output() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-P", "-c", COMMAND, "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert_one_line(done, "SystemRefusedError")


def test_a_pipe_that_nobody_reads() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-P", "-c", COMMAND, "--help"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)

    assert (done.returncode, done.stderr) == (1, "")


class TestDefect:
    @pytest.fixture(autouse=True)
    def _broken(self, api: FakeApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        api.next_answers = [LookupError("no such luck")]
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        monkeypatch.delenv("CRAWLSET_DEBUG", raising=False)

    def test_is_told_in_one_line_with_a_file_of_details(self, shell: Shell) -> None:
        done = shell.run("projects", "show", "cats")

        (log,) = shell.directory.glob("crawlset-*.log")
        assert done.exit_code == 70
        assert done.stderr == (
            "error: Crawlset has a defect: LookupError: no such luck."
            f" The details are in {log}. (UnexpectedError)\n"
        )
        assert "Traceback" in log.read_text()
        assert log.stat().st_mode & 0o077 == 0

    def test_is_one_document_in_json(self, shell: Shell) -> None:
        error = json.loads(shell.run("projects", "show", "cats", "--json").stdout)["error"]

        assert error["code"] == "UnexpectedError"

    def test_shows_its_traceback_to_who_asks(self, shell: Shell) -> None:
        done = shell.run("projects", "show", "cats", CRAWLSET_DEBUG="1")

        assert done.exit_code == 70
        assert "Traceback" in done.stderr
        assert not list(shell.directory.glob("crawlset-*.log"))

    def test_outside_of_any_command_ends_alike(self) -> None:
        program = INTERRUPTED_IMPORT.replace("KeyboardInterrupt", "LookupError") + COMMAND

        done = run("jobs", "list", program=program)

        assert done.returncode == 70
        assert_one_line(done, "UnexpectedError")
        Path(done.stderr.partition("details are in ")[2].partition(". (")[0]).unlink()
