import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest

from crawlset_client.cli.lazy import MODULES
from tests.command_tree import all_commands, command_at
from tests.unit.client.conftest import Shell
from tests.unit.client.fake_api import API_URL, NOW, REPORT, FakeApi, problem

NOBODY = "00000000-0000-0000-0000-000000000000"

VALIDATION = "01a2242c-c558-7275-a163-d0ecdb03846d"


def interrupt() -> None:
    raise KeyboardInterrupt


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


class TestProjects:
    def test_lists_them(self, api: FakeApi, shell: Shell) -> None:
        ids = [api.add_project(f"project {n}")["id"] for n in range(3)]

        result = shell.run("projects", "list")

        assert result.exit_code == 0
        assert all(id_ in result.stdout for id_ in ids)

    def test_lists_them_as_json(self, api: FakeApi, shell: Shell) -> None:
        ids = [api.add_project(f"project {n}")["id"] for n in range(3)]

        document = shell.json("projects", "list")

        assert [item["id"] for item in document["items"]] == ids[::-1]

    def test_creates_one(self, api: FakeApi, shell: Shell) -> None:
        document = shell.json("projects", "create", "cats", "--description", "All of them")

        assert list(api.projects) == [document["id"]]
        assert api.sent("POST", "/projects") == {"name": "cats", "description": "All of them"}

    @pytest.mark.parametrize("by", ["id", "name"])
    def test_shows_one_with_its_jobs(self, api: FakeApi, shell: Shell, by: str) -> None:
        project = api.add_project("cats")
        job = api.add_job(project)

        document = shell.json("projects", "show", project[by])

        assert document["id"] == project["id"]
        assert [item["id"] for item in document["crawl_jobs"]] == [job["id"]]

    def test_prints_names_that_cannot_move_the_cursor(self, api: FakeApi, shell: Shell) -> None:
        api.add_project("[bold]red\x1b[31m")

        result = shell.run("projects", "list")

        assert "[bold]red" in result.stdout
        assert "\x1b" not in result.stdout

    def test_deletes_one(self, api: FakeApi, shell: Shell) -> None:
        project = api.add_project("cats")

        document = shell.json("projects", "delete", "cats", "--yes")

        assert document == {"deleted": project["id"], "purges_at": "2026-01-03T03:04:05Z"}
        assert api.projects == {}

    @pytest.mark.parametrize("by", ["name", "id"])
    def test_takes_a_deletion_back(self, api: FakeApi, shell: Shell, by: str) -> None:
        project = api.add_project("cats")
        shell.json("projects", "delete", "cats", "--yes")
        deleted = shell.json("projects", "list", "--deleted")["items"]
        text = shell.run("projects", "list", "--deleted").stdout

        restored = shell.json("projects", "restore", project[by])

        assert [item["id"] for item in deleted] == [project["id"]]
        assert "can be restored until" in text
        assert "2026-01-03 03:04 UTC" in text
        assert (restored["id"], restored["purges_at"]) == (project["id"], None)
        assert [*api.projects] == [project["id"]]

    def test_renames_the_one_in_the_way_of_a_restore(self, api: FakeApi, shell: Shell) -> None:
        old = api.add_project("cats")
        shell.json("projects", "delete", "cats", "--yes")
        new = api.add_project("cats")

        refused = shell.run("projects", "restore", old["id"])
        renamed = shell.json("projects", "rename", new["id"], "other cats")

        assert "of this name already" in refused.stderr
        assert (renamed["id"], renamed["name"]) == (new["id"], "other cats")
        assert shell.json("projects", "restore", old["id"])["name"] == "cats"

    def test_restores_none_that_is_not_deleted(self, api: FakeApi, shell: Shell) -> None:
        api.add_project("cats")

        result = shell.run("projects", "restore", "cats")

        assert result.exit_code == 4
        assert "`crawlset projects list --deleted` shows what there is" in result.stderr

    def test_deletes_nothing_without_consent(self, api: FakeApi, shell: Shell) -> None:
        api.add_project("cats")

        result = shell.run("projects", "delete", "cats")

        assert (result.exit_code, len(api.projects)) == (2, 1)
        assert "--yes" in result.stderr

    def test_does_not_choose_between_two_of_a_name(self, api: FakeApi, shell: Shell) -> None:
        ids = {api.add_project("cats")["id"] for _ in range(2)}

        result = shell.run("projects", "delete", "cats", "--yes")

        assert result.exit_code == 4
        assert all(id_ in result.stderr for id_ in ids)
        assert set(api.projects) == ids


class TestCrawl:
    def test_follows_the_job_to_its_end(self, shell: Shell) -> None:
        result = shell.run("crawl", "cat", "red car", "--source", "sample")

        assert result.exit_code == 0
        assert "running, 4/10 images" in result.stderr
        assert "completed, 10/10 images" in result.stderr
        assert (
            "candidates 10 = stored 6 + duplicate 1 + rejected 1 + refused 1 + failed 1"
            in result.stdout
        )

    def test_sends_what_was_asked_for(self, api: FakeApi, shell: Shell) -> None:
        shell.run(
            *("crawl", "cat", "dog", "--source", "sample", "--max-images", "50"),
            *("--licence", "cc0-1.0", "--licence", "cc-by", "--intended-use", "ml-training"),
            "--no-watch",
        )

        assert api.sent("POST", "/crawl-jobs") == {
            "name": "cat, dog",
            "keywords": ["cat", "dog"],
            "sources": ["sample"],
            "max_images": 50,
            "licences": ["cc0-1.0", "cc-by"],
            "intended_use": "ml-training",
        }

    def test_sends_how_to_ask_and_what_to_store(self, api: FakeApi, shell: Shell) -> None:
        shell.run(
            *("crawl", "cat", "--source", "sample", "--no-watch"),
            *("--resize", "keep_ratio", "--size", "256", "--format", "webp", "--quality", "80"),
            *("--ignore", "tdmrep", "--ignore", "x-robots-tag", "--min-gap", "1.5"),
        )

        sent = api.sent("POST", "/crawl-jobs")
        assert sent["policy"] == {"tdmrep": False, "x_robots_tag": False, "min_gap_seconds": 1.5}
        assert sent["resize"] == {
            "mode": "keep_ratio",
            "size": 256,
            "format": "webp",
            "quality": 80,
        }

    @pytest.mark.parametrize(
        "options", [("--resize", "border"), ("--size", "256"), ("--only-if-bigger",)]
    )
    def test_needs_both_mode_and_size_to_resize(
        self, api: FakeApi, shell: Shell, options: tuple[str, ...]
    ) -> None:
        result = shell.run("crawl", "cat", "--source", "sample", *options)

        assert (result.exit_code, api.requests) == (2, [])
        assert "--resize and --size" in result.stderr

    def test_creates_the_default_project_once(self, api: FakeApi, shell: Shell) -> None:
        for _ in range(2):
            shell.run("crawl", "cat", "--source", "sample", "--no-watch")

        assert [project["name"] for project in api.projects.values()] == ["default"]

    def test_creates_no_project_for_an_id(self, api: FakeApi, shell: Shell) -> None:
        result = shell.run("crawl", "cat", "--source", "sample", "--project", NOBODY)

        assert (result.exit_code, api.projects) == (4, {})
        assert "There is no project" in result.stderr

    def test_prints_one_document(self, shell: Shell) -> None:
        document = shell.json("crawl", "cat", "--source", "sample")

        assert document["status"] == "completed"
        assert document["progress"]["candidates"] == 10
        assert document["outcomes"]["http_404"] == 1

    def test_asks_less_and_less_often(self, api: FakeApi, shell: Shell) -> None:
        api.polls = 30

        shell.run("crawl", "cat", "--source", "sample")

        assert (shell.slept[0], shell.slept[-1]) == (0.3, 2.0)
        assert len(shell.slept) == 29

    def test_fails_when_the_job_does(self, api: FakeApi, shell: Shell) -> None:
        api.end_status = "failed"

        result = shell.run("crawl", "cat", "--source", "sample")

        assert result.exit_code == 5
        assert "failed: Every search failed." in result.stderr.splitlines()[-1]

    def test_shows_the_failed_job_in_json(self, api: FakeApi, shell: Shell) -> None:
        api.end_status = "failed"

        document = shell.json("crawl", "cat", "--source", "sample")

        assert document["error"]["code"] == "JobEndedError"
        assert document["crawl_job"]["status"] == "failed"

    def test_leaves_the_job_alone_on_ctrl_c(self, api: FakeApi, shell: Shell) -> None:
        shell.on_sleep = interrupt

        result = shell.run("crawl", "cat", "--source", "sample")

        (job_id,) = api.jobs
        assert result.exit_code == 130
        assert f"goes on; see it with `crawlset jobs watch {job_id}`" in result.stderr
        assert not [path for path in api.paths("POST") if path.endswith("/cancel")]

    def test_leaves_no_project_behind_if_there_is_no_job(self, api: FakeApi, shell: Shell) -> None:
        result = shell.run("crawl", "cat", "--source", "flickr")

        assert (result.exit_code, api.projects) == (4, {})

    def test_keeps_a_project_that_was_there(self, api: FakeApi, shell: Shell) -> None:
        api.add_project("default")

        shell.run("crawl", "cat", "--source", "flickr")

        assert len(api.projects) == 1

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "at least one keyword"),
            (["cat"], "Say where to search"),
            (["cat", "--urls", "urls.txt"], "not both"),
            (["--urls", "urls.txt", "--source", "sample"], "leave --source sample out"),
            (["--urls", "urls.xml"], "its suffix is none of"),
            (["--urls", "missing.csv"], "No such file"),
        ],
    )
    def test_says_what_makes_no_sense(
        self, api: FakeApi, shell: Shell, arguments: list[str], message: str
    ) -> None:
        result = shell.run("crawl", *arguments)

        assert result.exit_code == 2
        assert message in result.stderr
        assert api.requests == []


class TestEstimate:
    def test_shows_what_a_job_would_come_to(self, api: FakeApi, shell: Shell) -> None:
        result = shell.run("crawl", "cat", "--source", "sample", "--estimate")

        assert result.exit_code == 0
        assert "600 (100 to 1,000)" in result.stdout
        assert "480 (80%)" in result.stdout
        assert re.search(r"total +\$0\.0349", result.stdout)

    def test_waits_until_every_source_has_said_what_it_has(
        self, api: FakeApi, shell: Shell
    ) -> None:
        probe = {"source": "gbif", "keyword": "cat", "status": "asked"}
        answered = probe | {
            "status": "answered",
            "total": 1234,
            "licences": {"cc0": 15, "cc-by": 5},
        }
        api.estimates = [
            {"is_complete": False, "probes": [probe]},
            {"is_complete": True, "probes": [answered]},
        ]

        result = shell.run("crawl", "cat", "--source", "sample", "--estimate")

        assert re.search(r"gbif +cat +1,234 +cc0 75%, cc-by 25%", result.stdout)
        assert api.estimates == []

    def test_waits_no_longer_than_half_a_minute(self, api: FakeApi, shell: Shell) -> None:
        probe = {"source": "gbif", "keyword": "cat", "status": "asked"}
        api.estimates = [{"is_complete": False, "probes": [probe]}] * 100

        result = shell.run("crawl", "cat", "--source", "sample", "--estimate")

        assert "no answer yet" in result.stdout
        assert sum(shell.slept) == 30

    def test_leaves_nothing_behind(self, api: FakeApi, shell: Shell) -> None:
        shell.run("crawl", "cat", "--source", "sample", "--estimate")

        assert (api.projects, api.jobs) == ({}, {})

    def test_says_what_was_measured_in_the_end(self, shell: Shell) -> None:
        result = shell.run("crawl", "cat", "--source", "sample")

        assert re.search(r"aws_lambda +\$0\.0195", result.stdout)


class TestExpansion:
    def test_is_asked_for_by_options(self, api: FakeApi, shell: Shell) -> None:
        options = ("--plurals", "--language", "de", "--language", "fr")
        shell.run("crawl", "cat", "--source", "sample", *options)

        wanted = {"plurals": True, "languages": ["de", "fr"]}
        assert api.sent("POST", "/crawl-jobs")["expansion"] == wanted

    def test_is_off_unless_asked_for(self, api: FakeApi, shell: Shell) -> None:
        shell.run("crawl", "cat", "--source", "sample")

        assert "expansion" not in api.sent("POST", "/crawl-jobs")


class TestCrawlUrls:
    def test_sends_a_short_text_in_the_request(
        self, api: FakeApi, shell: Shell, tmp_path: Path
    ) -> None:
        (tmp_path / "urls.txt").write_text("http://a.test/1\n# no\nhttp://a.test/2\n")

        result = shell.run("crawl", "--urls", "urls.txt")

        assert result.exit_code == 0
        assert api.sent("POST", "/crawl-jobs") == {
            "name": "urls.txt",
            "sources": ["urls"],
            "urls": ["http://a.test/1", "http://a.test/2"],
        }
        assert api.uploads == {}

    @pytest.mark.parametrize(
        ("name", "body", "format_"),
        [
            ("urls.csv", b"url\nhttp://a.test/1\n", "csv"),
            ("urls.parquet", b"PAR1" * 200_000, "parquet"),
            ("urls.txt", b"http://a.test/1\n" * 10_001, "txt"),
        ],
    )
    def test_uploads_everything_else(
        self, api: FakeApi, shell: Shell, name: str, body: bytes, format_: str
    ) -> None:
        (shell.directory / name).write_bytes(body)

        result = shell.run("crawl", "--urls", name, "--name", "mine")

        sent = api.sent("POST", "/crawl-jobs")
        assert result.exit_code == 0
        assert api.uploads == {sent["upload_id"]: body}
        assert (sent["name"], sent["manifest_format"]) == ("mine", format_)
        assert f"Uploading {name}: completed" in result.stderr


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
            {
                "id": n,
                "url": f"http://host.test/{n}.jpg",
                "status": "stored" if n % 2 else "failed",
                "outcome": "stored" if n % 2 else "http_404",
                "licence": "cc-by-4.0",
                "width": 640,
                "height": 480,
                "file_size": 1_500,
                "change": "gone" if n == 1 else None,
                "etag": None,
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


class TestValidate:
    def test_says_how_many_were_kept(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))

        result = shell.run("validate", job["id"])

        assert result.exit_code == 0
        assert "completed, kept 5, rejected 1 (short_side 1)" in result.stdout

    def test_sends_the_rules_of_a_file(self, api: FakeApi, shell: Shell, tmp_path: Path) -> None:
        job = api.add_job(api.add_project("a"))
        (tmp_path / "rules.json").write_text('{"min_width": 200}')

        document = shell.json("validate", job["id"], "--rules", "rules.json", "--no-watch")

        assert document["status"] == "pending"
        assert document["validation_rules"] == {"min_width": 200}

    @pytest.mark.parametrize("text", ["", "[]", "{min_width: 200}", "\xff"])
    def test_refuses_rules_that_are_none(
        self, api: FakeApi, shell: Shell, tmp_path: Path, text: str
    ) -> None:
        (tmp_path / "rules.json").write_text(text, encoding="latin-1")

        result = shell.run("validate", NOBODY, "--rules", "rules.json")

        assert (result.exit_code, api.requests) == (2, [])
        assert "rules.json" in result.stderr

    def test_names_the_file_that_is_not_there(self, shell: Shell) -> None:
        result = shell.run("validate", NOBODY, "--rules", "rules.json")

        assert result.exit_code == 1
        assert "rules.json: No such file or directory." in result.stderr


class TestSources:
    def test_tells_what_each_permits(self, shell: Shell) -> None:
        result = shell.run("sources")

        assert "Its terms forbid datasets." in result.stdout
        assert "nothing" in result.stdout

    def test_prints_json(self, shell: Shell) -> None:
        assert [item["name"] for item in shell.json("sources")["items"]] == ["pexels", "sample"]


class TestCheckUrl:
    @pytest.mark.parametrize(
        ("arguments", "is_allowed"),
        [
            (["https://example.org/a.jpg"], True),
            (["https://example.org/", "--resolve", "example.org=93.184.215.14"], True),
            (["https://EXAMPLE.org./", "--resolve", "Example.ORG=93.184.215.14"], True),
            (["https://example.org/", "--resolve", "example.org=93.184.215.14,10.0.0.1"], False),
            (["https://example.org/", "--resolve", "example.org=::1"], False),
            (["https://example.org/", "--resolve", "example.org="], False),
            (["http://169.254.169.254/latest/meta-data"], False),
            (["http://localhost:8490/"], False),
            (["http://me.localhost:8490/", "--private-host", "me.localhost:8490"], True),
            (["ftp://example.org/"], False),
            (["not a url"], False),
        ],
    )
    def test_asks_nobody(
        self, api: FakeApi, shell: Shell, arguments: list[str], *, is_allowed: bool
    ) -> None:
        result = shell.run("check-url", *arguments)

        assert result.exit_code == (0 if is_allowed else 1)
        assert result.stdout.startswith("allowed: " if is_allowed else "refused: ")
        assert api.requests == []

    def test_prints_json(self, shell: Shell) -> None:
        document = shell.json("check-url", "http://127.0.0.1/")

        assert (document["url"], document["allowed"]) == ("http://127.0.0.1/", False)
        assert document["reason"]

    @pytest.mark.parametrize("option", ["example.org", "=1.1.1.1", "other.test=1.1.1.1"])
    def test_refuses_an_option_that_is_for_nothing(self, shell: Shell, option: str) -> None:
        result = shell.run("check-url", "https://example.org/", "--resolve", option)

        assert result.exit_code == 2


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
