"""What a person is told beside a result: what is missing, cut, or not what was meant."""

from typing import Any

import pytest

from tests.unit.client.conftest import Shell
from tests.unit.client.fake_api import FakeApi


def search(keyword: str | None, n: int, status: str = "completed") -> dict[str, Any]:
    return {
        "id": "01920000-0000-7000-8000-000000000002",
        "source": "sample",
        "keyword": keyword,
        "queries": None,
        "status": status,
        "n_candidates": n,
        "n_repeated": 0,
        "n_altered": 0,
        "n_skipped": 0,
        "n_rows_read": 0,
        "bytes_read": 0,
        "bytes_total": None,
        "n_unread": 0,
        "unread_lists": None,
        "n_failures": 0,
        "last_error": None,
        "next_attempt_at": None,
        "error_message": None,
    }


class TestNothingFound:
    def test_is_told_beside_the_job(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))
        job["searches"] = [search("cat", 3), search("xyzzy", 0), search("dog", 0, "failed")]

        result = shell.run("jobs", "show", job["id"])

        (hint,) = [line for line in result.stderr.splitlines() if line.startswith("hint:")]
        assert "sample has found nothing for 'xyzzy'." in hint
        assert result.exit_code == 0

    def test_is_in_the_json(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))
        job["searches"] = [search("xyzzy", 0)]

        (hint,) = shell.json("jobs", "show", job["id"])["hints"]

        assert "'xyzzy'" in hint

    def test_is_not_told_of_a_job_that_runs(self, api: FakeApi, shell: Shell) -> None:
        api.polls = 9
        job = api.add_job(api.add_project("a"), "running")
        job["searches"] = [search("xyzzy", 0)]

        assert "hints" not in shell.json("jobs", "show", job["id"])


class TestOutcomes:
    @pytest.mark.parametrize(
        ("outcome", "options"),
        [
            ("unsupported_format", ["--formats", "--transcode jpeg"]),
            ("blocked_address", ["crawlset up --private-host HOST:PORT"]),
        ],
    )
    def test_are_told_with_the_options_that_change_them(
        self, api: FakeApi, shell: Shell, outcome: str, options: list[str]
    ) -> None:
        job = api.add_job(api.add_project("a"))
        job["outcomes"] = {"stored": 5, outcome: 1_234}

        (hint,) = shell.json("jobs", "show", job["id"])["hints"]

        assert hint.startswith("1,234 of the images are ")
        assert [option for option in options if option not in hint] == []

    def test_that_nothing_changes_are_not_told(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))
        job["outcomes"] = {"stored": 5, "http_404": 3, "unsupported_format": 0}

        assert "hints" not in shell.json("jobs", "show", job["id"])


class TestWrongUse:
    @pytest.mark.parametrize(
        "url", ["http://host.test/a.jpg", "HTTPS://host.test", "www.host.test"]
    )
    def test_of_a_url_as_a_keyword_points_to_lists(
        self, api: FakeApi, shell: Shell, url: str
    ) -> None:
        result = shell.run("crawl", "cat", url, "--source", "sample")

        assert result.exit_code == 2
        assert "--urls FILE" in result.stderr
        assert api.requests == []

    def test_of_a_source_with_a_list_speaks_of_that_source(self, shell: Shell) -> None:
        (shell.directory / "list.txt").write_text("http://host.test/a.jpg\n")

        result = shell.run("crawl", "--urls", "list.txt", "--source", "sample")

        assert result.exit_code == 2
        assert "leave --source sample out" in result.stderr

    def test_of_a_list_without_its_file_points_to_it(self, shell: Shell) -> None:
        result = shell.run("crawl", "cat", "--source", "laion")

        assert result.exit_code == 2
        assert "--urls FILE" in result.stderr


class TestCutLists:
    def test_of_jobs_say_how_many_more(self, api: FakeApi, shell: Shell) -> None:
        project = api.add_project("a")
        for _ in range(30):
            api.add_job(project)

        result = shell.run("jobs", "list")

        assert "… and 10 more; --limit 30 lists them all." in result.stderr
        assert shell.json("jobs", "list")["n_more"] == 10
        assert shell.run("jobs", "list", "--limit", "30").stderr == ""

    def test_of_exports_and_validations_are_completed(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))
        for _ in range(12):
            shell.run("export", job["id"], "--out", "set", "--force")
            shell.run("validate", job["id"])
        job["export_jobs"] = [*api.exports.values()][:10]
        job["validation_jobs"] = [*api.validations.values()][:10]

        shown = shell.json("jobs", "show", job["id"])

        assert {one["id"] for one in shown["export_jobs"]} == set(api.exports)
        assert {one["id"] for one in shown["validation_jobs"]} == set(api.validations)


def test_a_source_that_cannot_be_used_says_why(shell: Shell) -> None:
    assert "Name it in the deployment's Sources, and give pexels_key" in " ".join(
        shell.run("sources").stdout.split()
    )


def test_a_project_made_by_somebody_else_meanwhile_is_used(api: FakeApi, shell: Shell) -> None:
    """Between looking for the name and creating it."""
    theirs = api.add_project("cats")
    listed = api.projects
    api.projects = {}
    api.on_create_project = lambda: setattr(api, "projects", listed)

    result = shell.run("crawl", "cat", "--source", "sample", "--project", "cats")

    assert result.exit_code == 0
    (job,) = api.jobs.values()
    assert job["project_id"] == theirs["id"]
