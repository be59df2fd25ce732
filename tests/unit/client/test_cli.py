import json
import subprocess
import sys
from collections.abc import Callable

import httpx
import pytest

from crawlset_client.cli.lazy import MODULES
from tests.command_tree import all_commands, command_at
from tests.unit.client.conftest import Shell, interrupt
from tests.unit.client.fake_answers import API_URL, problem
from tests.unit.client.fake_api import FakeApi


class TestHelp:
    def test_imports_nothing_that_is_slow(self) -> None:
        program = "import sys, crawlset_client.cli; print(*sys.modules)"

        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

        slow = {"httpx", "msgspec", "rich", "crawlset.errors", "crawlset_local", "boto3"}
        assert not slow & set(done.stdout.decode().split())

    @pytest.mark.parametrize("name", MODULES)
    def test_lists_what_each_command_says_of_itself(self, name: str) -> None:
        command, _ = command_at([name])

        assert MODULES[name][1] == " ".join(command.help.partition("\n\n")[0].split())

    def test_imports_one_command_when_it_is_called(self) -> None:
        program = (
            "import sys; from crawlset_client.cli import app\n"
            "try: app(['jobs', '--help'])\n"
            "finally: print(*sys.modules)"
        )

        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

        loaded = set(done.stdout.decode().split())
        assert "crawlset_client.cli.jobs" in loaded
        assert not {"crawlset_client.cli.export", "crawlset_client.cli.cloud"} & loaded

    def test_is_shown_where_nothing_is_asked_for(self, shell: Shell) -> None:
        result = shell.run()

        assert "Usage: crawlset" in result.output

    def test_tells_the_version(self, shell: Shell) -> None:
        assert shell.run("--version").stdout == "crawlset 0.1.0\n"

    @pytest.mark.parametrize("command", [words for words, _ in all_commands()])
    def test_offers_json_on_every_command(self, shell: Shell, command: str) -> None:
        result = shell.run(*command.split(), "--help")

        assert result.exit_code == 0
        assert "--json" in result.stdout


class TestSources:
    def test_tells_what_each_permits(self, shell: Shell) -> None:
        result = shell.run("sources")

        assert "Its terms forbid datasets." in result.stdout
        assert "nothing" in result.stdout
        assert "Of 200 questions in 24 h, 137 are left." in " ".join(result.stdout.split())

    def test_prints_json(self, shell: Shell) -> None:
        names = [item["name"] for item in shell.json("sources")["items"]]

        assert names == ["pexels", "sample", "gbif_downloads"]


class TestErrors:
    def test_are_one_line_with_code_and_request(self, shell: Shell) -> None:
        result = shell.run("crawl", "cat", "--source", "flickr")

        assert result.exit_code == 4
        assert result.stdout == ""
        assert result.stderr == (
            "error: There is no source 'flickr'. Known are sample, urls."
            " (UnknownSourceError, request request-1)\n"
        )

    def test_are_a_document_in_json(self, shell: Shell) -> None:
        assert shell.json("crawl", "cat", "--source", "flickr") == {
            "error": {
                "code": "UnknownSourceError",
                "detail": "There is no source 'flickr'. Known are sample, urls.",
                "request_id": "request-1",
            }
        }

    def test_say_how_to_start_the_service(self, api: FakeApi, shell: Shell) -> None:
        api.next_answers = [httpx.ConnectError("refused")]

        result = shell.run("projects", "list")

        assert result.exit_code == 3
        assert result.stderr == (
            f"error: Nothing answers at {API_URL}. Start it with `crawlset up`,"
            " or set CRAWLSET_API_URL. (NotRunningError)\n"
        )

    def test_say_that_the_key_is_missing(self, shell: Shell) -> None:
        result = shell.run("projects", "list", CRAWLSET_API_KEY=None)

        assert "There is no API key. Set CRAWLSET_API_KEY" in result.stderr

    def test_cannot_move_the_cursor(self, api: FakeApi, shell: Shell) -> None:
        api.next_answers = [problem(422, "Bad", "one\ntwo \x1b[2J")]

        result = shell.run("projects", "list")

        assert len(result.stderr.splitlines()) == 1
        assert "\x1b" not in result.stderr

    def test_of_the_settings_are_errors_too(self, shell: Shell) -> None:
        result = shell.run("projects", "list", CRAWLSET_API_URL="api.test")

        assert result.exit_code == 1
        assert "no address of an API" in result.stderr

    def test_of_the_command_line_exit_with_2(self, shell: Shell) -> None:
        assert shell.run("crawl", "cat", "--max-images", "none").exit_code == 2
        assert shell.run("fly").exit_code == 2


class TestOutsideOfJobs:
    def test_ends_with_130_on_ctrl_c(self, api: FakeApi, shell: Shell) -> None:
        api.next_answers = [problem(503, "Busy", "Wait.")]
        shell.on_sleep = interrupt

        assert shell.run("projects", "list").exit_code == 130


def damaged(name: str, body: bytes) -> bytes:
    return body[:-1] + b"!" if name.endswith(".zip") else body


def intact(_name: str, body: bytes) -> bytes:
    return body


@pytest.mark.parametrize("damage", [damaged, intact], ids=["damaged", "intact"])
def test_json_documents_are_alone_on_standard_output(
    api: FakeApi, shell: Shell, damage: Callable[[str, bytes], bytes]
) -> None:
    api.damage = damage
    job = api.add_job(api.add_project("a"))

    result = shell.run("export", job["id"], "--out", "set", "--json")

    assert isinstance(json.loads(result.stdout), dict)
