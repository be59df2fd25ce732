"""What the Tab key offers, by the protocol that the shells' scripts speak."""

import shlex
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from crawlset.exports.formats import FORMATS
from crawlset.models import JobStatus
from crawlset.validation.rules.presets import Preset
from crawlset.wire.searches import IntendedUse
from crawlset_client.cli import completion
from tests.unit.client.conftest import Shell
from tests.unit.client.fake_answers import problem
from tests.unit.client.fake_api import FakeApi


def complete(shell: Shell, *line: str, **env: str | None) -> list[str]:
    """What bash is offered for the last word of `crawlset …`."""
    words = ["crawlset", *line]
    asked = {
        "_CRAWLSET_COMPLETE": "complete_bash",
        "COMP_WORDS": shlex.join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    result = shell.run(**asked, **env)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.split()


def complete_zsh(shell: Shell, line: str) -> str:
    return shell.run(_CRAWLSET_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS=line).stdout


class TestWords:
    @pytest.mark.parametrize(
        ("line", "offered"),
        [
            (["che"], ["check-url"]),
            (["export", "--format", "p"], ["parquet"]),
            (["validate", "--preset", "str"], ["strict"]),
            (["jobs", "list", "--status", "c"], ["completed", "cancelled"]),
            (["crawl", "--intended-use", "ml"], ["ml-training"]),
            (["crawl", "--qui"], ["--quiet"]),
        ],
    )
    def test_are_offered_without_asking_anybody(
        self, api: FakeApi, shell: Shell, line: list[str], offered: list[str]
    ) -> None:
        assert complete(shell, *line) == offered
        assert api.requests == []


class TestNamesAndIds:
    def test_of_jobs_in_all_projects(self, api: FakeApi, shell: Shell) -> None:
        jobs = [api.add_job(api.add_project(name))["id"] for name in "abc"]

        assert set(complete(shell, "jobs", "show", "")) == set(jobs)
        assert complete(shell, "export", jobs[1][:20]) == [jobs[1]]

    def test_of_jobs_in_the_project_named(self, api: FakeApi, shell: Shell) -> None:
        ours, _ = (api.add_job(api.add_project(name))["id"] for name in "ab")

        assert complete(shell, "jobs", "show", "--project", "a", "") == [ours]

    def test_of_projects_where_they_are_words_else_by_id(self, api: FakeApi, shell: Shell) -> None:
        api.add_project("birds")
        spaced = api.add_project("two words")

        assert complete(shell, "projects", "show", "") == [spaced["id"], "birds"]

    def test_of_what_was_deleted_where_it_is_to_be_restored(
        self, api: FakeApi, shell: Shell
    ) -> None:
        kept = api.add_project("kept")
        job, _ = (api.add_job(kept)["id"] for _ in range(2))
        shell.json("jobs", "delete", job, "--yes")
        gone = [api.add_project("twin")["id"] for _ in range(2)]
        for project in gone:
            shell.json("projects", "delete", project, "--yes")

        assert complete(shell, "jobs", "restore", "") == [job]
        assert sorted(complete(shell, "projects", "restore", "")) == sorted(gone)

    def test_of_sources(self, shell: Shell) -> None:
        sources = complete(shell, "crawl", "cat", "--source", "")

        assert sources == ["pexels", "sample", "gbif_downloads"]

    def test_of_what_was_made_of_the_job(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))
        validation = shell.json("validate", job["id"])
        export = shell.json("export", job["id"], "--out", "set")["export_job"]
        job["validation_jobs"], job["export_jobs"] = [validation], [export]

        assert complete(shell, "report", job["id"], "--validation", "") == [validation["id"]]
        assert complete(shell, "export", job["id"], "--export-id", "") == [export["id"]]
        one = f"{job['id']}/{export['id']}"
        assert complete(shell, "diff", f"{job['id']}/") == [one]

    def test_are_told_with_name_and_status_where_the_shell_can(
        self, api: FakeApi, shell: Shell
    ) -> None:
        job = api.add_job(api.add_project("a"))

        assert f'"{job["id"]}":"cats - completed"' in complete_zsh(shell, "crawlset jobs show ")


class TestHostileNames:
    @pytest.mark.parametrize("name", ["$(touch x)", "`touch x`", 'a"b', "a'b", "a\\$(x)", "a\nb"])
    def test_reach_no_shell(self, api: FakeApi, shell: Shell, name: str) -> None:
        job = api.add_job(api.add_project(name))
        job["name"] = name

        for line in ("crawlset jobs show ", "crawlset projects show "):
            offered = complete_zsh(shell, line)
            described = offered.removeprefix("_arguments '*: :((").removesuffix("))'\n")
            assert job["project_id"] in described or job["id"] in described
            for character in "$`\\'\n":
                assert character not in described


class TestTrouble:
    def test_asks_nobody_without_a_key(self, api: FakeApi, shell: Shell) -> None:
        assert complete(shell, "jobs", "show", "", CRAWLSET_API_KEY=None) == []
        assert api.requests == []

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.ConnectError("refused"),
            httpx.ReadTimeout("slow"),
            problem(401, "UnauthorizedError", "No."),
            problem(503, "BusyError", "Later.", **{"retry-after": "30"}),
            httpx.Response(200, text="<html>"),
            httpx.Response(200, json={"items": [{"id": 1}]}),
        ],
    )
    def test_offers_nothing_and_tries_once(
        self, api: FakeApi, shell: Shell, answer: httpx.Response | Exception
    ) -> None:
        api.next_answers = [answer]

        assert complete(shell, "jobs", "show", "") == []
        assert (len(api.requests), shell.slept) == (1, [])

    def test_offers_nothing_where_settings_are_broken(self, shell: Shell, tmp_path: Path) -> None:
        file = tmp_path / "config/crawlset/config.toml"
        file.parent.mkdir(parents=True)
        file.write_text("api_url = ")

        assert complete(shell, "jobs", "show", "") == []

    @pytest.fixture
    def stuck(self, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """A service that answers only once the test is over."""
        over = threading.Event()
        answer = api.answer

        def wait(request: httpx.Request) -> httpx.Response:
            over.wait()
            return answer(request)

        monkeypatch.setattr(api, "answer", wait)
        monkeypatch.setattr(completion, "SECONDS", 0.01)
        yield
        over.set()

    @pytest.mark.usefixtures("stuck")
    def test_does_not_wait_for_a_service_that_hangs(self, shell: Shell) -> None:
        assert complete(shell, "jobs", "show", "") == []


def test_knows_the_words_of_the_service() -> None:
    assert set(completion.STATUSES) == set(JobStatus)
    assert set(completion.FORMATS) == set(FORMATS)
    assert set(completion.PRESETS) == set(Preset)
    assert set(completion.USES) == set(IntendedUse)
