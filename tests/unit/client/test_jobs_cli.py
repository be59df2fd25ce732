import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.client.conftest import Shell
from tests.unit.client.fake_answers import NOW, REPORT, new_image
from tests.unit.client.fake_api import FakeApi

NOBODY = "00000000-0000-0000-0000-000000000000"
VALIDATION = "01a2242c-c558-7275-a163-d0ecdb03846d"
RECRAWL = {
    "started_at": NOW,
    "asked": 6,
    "pending": 0,
    "unchanged": 3,
    "same_picture": 1,
    "replaced": 0,
    "gone": 2,
    "refused": 0,
    "failed": 0,
    "cancelled": 0,
}
WAITING = [
    {
        "kind": "source",
        "name": "sample",
        "reason": "sample does not answer at the moment (ConnectError).",
        "n_waiting": 2,
        "until": NOW,
    },
    {"kind": "host", "name": "busy.test", "reason": "in turn", "n_waiting": 500, "until": None},
]

LIST_SEARCH = {
    "id": "01920000-0000-7000-8000-000000000002",
    "source": "urls",
    "keyword": None,
    "queries": None,
    "status": "completed",
    "n_candidates": 9,
    "n_repeated": 1_200,
    "n_altered": 3,
    "n_skipped": 2,
    "n_rows_read": 9,
    "bytes_read": 300,
    "bytes_total": 300,
    "n_unread": 1,
    "unread_lists": [{"name": "b.csv", "reason": "The list is empty."}],
    "n_failures": 0,
    "last_error": None,
    "next_attempt_at": None,
    "error_message": None,
}


class TestJobs:
    def test_lists_those_of_every_project(self, api: FakeApi, shell: Shell) -> None:
        ids = {api.add_job(api.add_project(name))["id"] for name in "abc"}

        document = shell.json("jobs", "list")

        assert {item["id"] for item in document["items"]} == ids

    def test_lists_those_asked_for(self, api: FakeApi, shell: Shell) -> None:
        project = api.add_project("a")
        wanted = [api.add_job(project, "running")["id"] for _ in range(3)]
        api.add_job(project, "completed")
        api.add_job(api.add_project("b"), "running")

        document = shell.json(
            *("jobs", "list", "--project", "a", "--status", "running", "--limit", "2")
        )

        assert {item["id"] for item in document["items"]} < set(wanted)
        assert len(document["items"]) == 2

    def test_lists_them_for_people(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))

        result = shell.run("jobs", "list")

        assert job["id"] in result.stdout
        assert "completed" in result.stdout

    def test_finds_a_job_in_whatever_project(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))
        api.add_project("b")

        assert shell.json("jobs", "show", job["id"])["id"] == job["id"]

    def test_shows_outcomes_and_the_balance(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))

        result = shell.run("jobs", "show", job["id"])

        assert "duplicate_bytes" in result.stdout
        assert "✓ candidates 10 = stored 6" in result.stdout

    def test_shows_that_a_balance_is_off(self, api: FakeApi, shell: Shell) -> None:
        api.progress["candidates"] = 11
        job = api.add_job(api.add_project("a"))

        result = shell.run("jobs", "show", job["id"])

        assert "✗ candidates 11 ≠ stored 6" in result.stdout

    def test_does_not_find_what_is_not_there(self, api: FakeApi, shell: Shell) -> None:
        api.add_project("a")

        result = shell.run("jobs", "show", NOBODY)

        assert result.exit_code == 4
        assert f"There is no crawl job {NOBODY}" in result.stderr

    def test_refuses_what_is_no_id(self, shell: Shell) -> None:
        result = shell.run("jobs", "show", "../sources")

        assert result.exit_code == 2
        assert "no id of a job" in result.stderr

    def test_watches_one(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"), "running")

        assert shell.json("jobs", "watch", job["id"])["status"] == "completed"

    def test_cancels_one(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"), "running")

        assert shell.json("jobs", "cancel", job["id"])["status"] == "cancelled"

    def test_cancels_no_job_that_has_ended(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))

        result = shell.run("jobs", "cancel", job["id"])

        assert result.exit_code == 4
        assert "already. (CrawlJobFinishedError, request request-1)" in result.stderr

    @pytest.mark.parametrize("command", ["retry", "recrawl"])
    @pytest.mark.parametrize(
        ("option", "status"), [("--watch", "completed"), ("--no-watch", "running")]
    )
    def test_reopens_one(
        self, api: FakeApi, shell: Shell, command: str, option: str, status: str
    ) -> None:
        job = api.add_job(api.add_project("a"))

        assert shell.json("jobs", command, job["id"], option)["status"] == status
        assert api.paths("POST")[-1].endswith(command)

    def test_says_how_much_a_retry_has_left(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"), "cancelled")
        job["progress"]["cancelled"] = 30_000

        result = shell.run("jobs", "retry", job["id"], "--no-watch")

        assert f"30,000 are left cancelled; `crawlset jobs retry {job['id']}`" in result.stderr

    def test_deletes_one(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))

        result = shell.run("jobs", "delete", job["id"], "--yes")

        assert result.stdout == (
            f"deleted {job['id']}; `crawlset jobs restore {job['id']}` takes it back until "
            "2026-01-03 03:04 UTC, then its bytes are removed\n"
        )
        assert api.jobs == {}

    def test_deletes_one_at_once(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))

        result = shell.run("jobs", "delete", job["id"], "--yes", "--grace-hours", "0")

        assert result.stdout == f"deleted {job['id']}; its bytes are removed within minutes\n"
        assert shell.json("jobs", "list", "--deleted")["items"] == []

    @pytest.mark.parametrize("part", [slice(None), slice(0, 8), slice(-12, None)])
    def test_takes_a_deletion_back(self, api: FakeApi, shell: Shell, part: slice) -> None:
        job = api.add_job(api.add_project("a"))
        shell.json("jobs", "delete", job["id"], "--yes")

        deleted = shell.json("jobs", "list", "--deleted")["items"]
        restored = shell.json("jobs", "restore", job["id"][part])

        assert [item["id"] for item in deleted] == [job["id"]]
        assert restored["purges_at"] is None
        assert [*api.jobs] == [job["id"]]

    def test_takes_a_deletion_back_that_was_taken_back_before(
        self, api: FakeApi, shell: Shell
    ) -> None:
        job = api.add_job(api.add_project("a"))

        assert shell.json("jobs", "restore", job["id"])["id"] == job["id"]

    def test_restores_none_that_is_not_deleted(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))

        result = shell.run("jobs", "restore", job["id"][:8])

        assert result.exit_code == 4
        assert "comes back with the project" in result.stderr

    def test_deletes_none_without_consent(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))

        result = shell.run("jobs", "delete", job["id"])

        assert (result.exit_code, len(api.jobs)) == (2, 1)
        assert "Give --yes to delete 'cats' with 6 stored images." in result.stderr

    def test_says_what_a_re_crawl_found(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))
        job["recrawl"] = RECRAWL

        text = shell.run("jobs", "show", job["id"]).stdout
        document = shell.json("jobs", "show", job["id"])

        assert "asked again for 6: 3 unchanged, 2 gone, 1 same picture" in text
        assert document["recrawl"] == RECRAWL

    def test_says_what_became_of_the_rows_of_a_list(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))
        job["searches"] = [LIST_SEARCH]

        shown = shell.run("jobs", "show", job["id"]).stdout

        first = "search urls: 1,200 had a URL that came before; the first one counts"
        assert f"{first}, and what others say is kept" in shown
        assert "search urls: 3 have a text that could not be kept whole" in shown
        assert "search urls: 2 rows are no pictures" in shown

    def test_tells_rows_that_are_only_counted_and_answers_of_sources(
        self, api: FakeApi, shell: Shell
    ) -> None:
        job = api.add_job(api.add_project("a"))
        job["keep_repeated"] = False
        job["searches"] = [LIST_SEARCH, LIST_SEARCH | {"source": "flickr", "keyword": "cat"}]

        shown = shell.run("jobs", "show", job["id"]).stdout

        assert "1,200 had a URL that came before; the first one counts\n" in shown
        assert "search flickr cat: 2 answers of the source could not be read" in shown

    def test_says_what_one_waits_for(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"), "running")
        job["waiting"] = WAITING

        shown = shell.run("jobs", "show", job["id"]).stdout
        followed = shell.run("jobs", "watch", job["id"]).stderr

        error = "sample does not answer at the moment (ConnectError)"
        why = f"waiting for sample ({error}; again in 0:00)"
        assert f"{why}, 2 searches" in shown
        assert "waiting for busy.test (in turn), 500 images" in shown
        assert why in followed
        assert "busy.test" not in followed


class TestImages:
    @pytest.fixture
    def job(self, api: FakeApi) -> dict[str, Any]:
        api.images = [
            new_image(n)
            | {
                "status": "stored" if n % 2 else "failed",
                "outcome": "stored" if n % 2 else "http_404",
                "change": "gone" if n == 1 else None,
            }
            for n in range(1, 26)
        ]
        return api.add_job(api.add_project("a"))

    def test_lists_some_and_says_that_there_are_more(
        self, api: FakeApi, shell: Shell, job: dict[str, Any]
    ) -> None:
        job["progress"]["candidates"] = 25

        text = shell.run("images", job["id"]).stdout

        assert "http://host.test/20.jpg" in text
        assert "http://host.test/21.jpg" not in text
        assert "640x480" in text
        assert "and 5 more; --limit N shows them" in text

    def test_lists_as_many_as_asked_for(
        self, api: FakeApi, shell: Shell, job: dict[str, Any]
    ) -> None:
        text = shell.run("images", job["id"], "--limit", "25").stdout

        assert "http://host.test/25.jpg" in text
        assert "more" not in text

    @pytest.mark.parametrize(
        ("options", "ids"),
        [
            ((), range(1, 26)),
            (("--status", "stored"), range(1, 26, 2)),
            (("--outcome", "http_404", "--limit", "2"), [2, 4]),
            (("--change", "gone"), [1]),
            (("--outcome", "timeout"), []),
        ],
    )
    def test_gives_all_asked_for_as_json(
        self, shell: Shell, job: dict[str, Any], options: tuple[str, ...], ids: Iterable[int]
    ) -> None:
        document = shell.json("images", job["id"], *options)

        assert [image["id"] for image in document["items"]] == list(ids)
        assert all(image["etag"] is None for image in document["items"])

    def test_ends_the_document_with_the_error_that_ended_it(
        self, api: FakeApi, shell: Shell, job: dict[str, Any]
    ) -> None:
        api.images[3] = {"id": 4}
        api.keeps_contract = False

        result = shell.run("images", job["id"], "--json")

        document = json.loads(result.stdout)
        assert [image["id"] for image in document["items"]] == [1, 2, 3]
        assert (document["error"]["code"], result.exit_code) == ("UnexpectedAnswerError", 3)


class TestReport:
    def test_writes_the_page_of_the_newest_completed_validation(
        self, api: FakeApi, shell: Shell, tmp_path: Path
    ) -> None:
        job = api.add_job(api.add_project("a"))
        validations = [shell.json("validate", job["id"]) for _ in range(2)]
        job["validation_jobs"] = [*validations, {**validations[0], "status": "running"}]

        result = shell.run("report", job["id"], "--out", "cats.html")

        assert (result.exit_code, result.stdout) == (0, "Wrote cats.html.\n")
        assert (tmp_path / "cats.html").read_text() == REPORT.format(validations[1]["id"])

    def test_writes_the_page_of_the_validation_named(
        self, api: FakeApi, shell: Shell, tmp_path: Path
    ) -> None:
        job = api.add_job(api.add_project("a"))

        document = shell.json("report", job["id"], "--validation", VALIDATION)

        assert document == {"validation_job_id": VALIDATION, "path": "report.html"}
        assert (tmp_path / "report.html").read_text() == REPORT.format(VALIDATION)

    def test_replaces_no_other_file_unless_forced(
        self, api: FakeApi, shell: Shell, tmp_path: Path
    ) -> None:
        job = api.add_job(api.add_project("a"))
        page = tmp_path / "report.html"
        page.write_text("<html>my own report</html>")

        refused = shell.run("report", job["id"], "--validation", VALIDATION)
        kept = page.read_text()
        forced = shell.run("report", job["id"], "--validation", VALIDATION, "--force")
        again = shell.run("report", job["id"], "--validation", NOBODY)

        assert (refused.exit_code, forced.exit_code, again.exit_code) == (1, 0, 0)
        assert "is no report; give --force" in refused.stderr
        assert kept == "<html>my own report</html>"
        assert page.read_text() == REPORT.format(NOBODY)

    def test_says_so_when_nothing_was_validated(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))

        result = shell.run("report", job["id"])

        assert result.exit_code == 2
        assert "crawlset validate makes one" in " ".join(result.stderr.split())
