import re
from pathlib import Path

import pytest

from crawlset.sources import catalogue
from tests.unit.client.conftest import Shell, interrupt
from tests.unit.client.fake_answers import new_probe
from tests.unit.client.fake_api import FakeApi

NOBODY = "00000000-0000-0000-0000-000000000000"
RESIZED = ("--resize", "border", "--size", "256")


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
            *("--per-host", "a.test=64", "--per-host", "[::1]=8"),
            "--keep-location",
        )

        sent = api.sent("POST", "/crawl-jobs")
        assert sent["policy"] == {"tdmrep": False, "x_robots_tag": False, "min_gap_seconds": 1.5}
        assert sent["resize"] == {
            "mode": "keep_ratio",
            "size": 256,
            "format": "webp",
            "quality": 80,
        }
        assert sent["per_host"] == {"a.test": 64, "[::1]": 8}
        assert sent["keep_location"] is True

    @pytest.mark.parametrize("per_host", ["a.test", "=8", "a.test=", "a.test=-8"])
    def test_sends_nothing_without_a_number_for_a_host(
        self, api: FakeApi, shell: Shell, per_host: str
    ) -> None:
        result = shell.run("crawl", "cat", "--source", "sample", "--per-host", per_host)

        assert result.exit_code == 2
        assert per_host in result.stderr
        assert api.requests == []

    def test_says_which_columns_of_a_list_say_what(
        self, api: FakeApi, shell: Shell, tmp_path: Path
    ) -> None:
        (tmp_path / "l.txt").write_text("https://a.test/1\n")

        shell.run(
            *("crawl", "--urls", str(tmp_path / "l.txt"), "--no-watch"),
            *("--url-column", "image.url", "--sha256-column", "sha", "--encoding", "latin-1"),
            *("--keep-column", "a", "--keep-column", "b"),
        )

        sent = api.sent("POST", "/crawl-jobs")
        assert "urls" not in sent
        assert (sent["url_column"], sent["sha256_column"]) == ("image.url", "sha")
        assert (sent["encoding"], sent["keep_columns"]) == ("latin-1", ["a", "b"])

    @pytest.mark.parametrize(
        "source", [name for name, known in catalogue.SOURCES.items() if known.is_list]
    )
    def test_takes_every_kind_of_list(
        self, api: FakeApi, shell: Shell, tmp_path: Path, source: str
    ) -> None:
        (tmp_path / "l.tsv").write_text("https://a.test/1\ta\n")

        arguments = ("--urls", str(tmp_path / "l.tsv"), "--no-watch", "--source", source)

        assert shell.run("crawl", *arguments).exit_code == 0
        assert api.sent("POST", "/crawl-jobs")["sources"] == [source]
        assert "give it with --urls" in shell.run("crawl", "cat", "--source", source).stderr

    def test_says_that_columns_are_of_lists(self, shell: Shell) -> None:
        ended = shell.run("crawl", "cat", "--source", "sample", "--keep-column", "a")

        assert ended.exit_code == 2
        assert "--keep-column is for a list" in ended.stderr

    def test_says_which_formats_to_take(self, api: FakeApi, shell: Shell) -> None:
        shell.run(
            *("crawl", "cat", "--source", "sample", "--no-watch"),
            *("--formats", "jpeg", "--formats", "heic", "--transcode", "webp"),
        )

        sent = api.sent("POST", "/crawl-jobs")
        assert (sent["formats"], sent["transcode"]) == (["jpeg", "heic"], "webp")

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
            (["cat", "--source", "sample", "--transcode", "png", *RESIZED], "give --transcode"),
            (
                ["cat", "--source", "sample", "--transcode", "jpeg", *RESIZED, "--format", "webp"],
                "give --transcode",
            ),
        ],
    )
    def test_says_what_makes_no_sense(
        self, api: FakeApi, shell: Shell, arguments: list[str], message: str
    ) -> None:
        result = shell.run("crawl", *arguments)

        assert result.exit_code == 2
        assert message in result.stderr
        assert api.requests == []

    @pytest.mark.parametrize("name", ["missing.csv", "missing.txt", "missing/urls.parquet"])
    def test_says_that_a_file_is_not_there_as_other_commands_do(
        self, api: FakeApi, shell: Shell, name: str
    ) -> None:
        result = shell.run("crawl", "--urls", name)

        assert result.exit_code == shell.run("validate", "last", "--rules", name).exit_code == 1
        assert f"{name}: No such file or directory." in result.stderr
        assert api.requests == []

    def test_takes_one_format_for_resized_and_transcoded_pictures(
        self, api: FakeApi, shell: Shell
    ) -> None:
        arguments = ["--transcode", "webp", *RESIZED, "--format", "webp"]

        assert shell.run("crawl", "cat", "--source", "sample", *arguments).exit_code == 0


class TestEstimate:
    def test_shows_what_a_job_would_come_to(self, api: FakeApi, shell: Shell) -> None:
        result = shell.run("crawl", "cat", "--source", "sample", "--estimate")

        assert result.exit_code == 0
        assert "600 (100 to 1,000)" in result.stdout
        assert "480 (80%)" in result.stdout
        assert re.search(r"total +\$0\.0397", result.stdout)

    def test_waits_until_every_source_has_said_what_it_has(
        self, api: FakeApi, shell: Shell
    ) -> None:
        probe = new_probe("gbif", "cat")
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
        probe = new_probe("gbif", "cat")
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
