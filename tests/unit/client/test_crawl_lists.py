"""`crawlset crawl --urls` with several files, a folder, or a prefix in S3."""

from pathlib import Path

import pytest

from crawlset_client import list_files
from crawlset_client.errors import InvalidListError
from crawlset_client.list_files import read_lists
from tests.unit.client.conftest import Shell
from tests.unit.client.fake_api import FakeApi

LINE = b"http://a.test/1\n"


def write(folder: Path, **bodies: bytes) -> None:
    for name, body in bodies.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


class TestCrawl:
    @pytest.mark.parametrize(
        "arguments",
        [["--urls", "b.csv", "--urls", "a.txt"], ["--urls", "b.csv", "a.txt"]],
        ids=["repeated", "as a shell writes b.csv a.txt"],
    )
    def test_makes_one_job_of_several_files_by_name(
        self, api: FakeApi, shell: Shell, arguments: list[str]
    ) -> None:
        write(shell.directory, **{"a.txt": LINE, "b.csv": b"url\n" + LINE})

        result = shell.run("crawl", *arguments)

        sent = api.sent("POST", "/crawl-jobs")
        assert result.exit_code == 0, result.stderr
        assert [(each["name"], each["manifest_format"]) for each in sent["lists"]] == [
            ("a.txt", "txt"),
            ("b.csv", "csv"),
        ]
        assert [api.uploads[each["upload_id"]] for each in sent["lists"]] == [LINE, b"url\n" + LINE]
        assert (sent["name"], sent["sources"]) == ("b.csv and 1 more", ["urls"])

    def test_takes_a_folder(self, api: FakeApi, shell: Shell) -> None:
        write(
            shell.directory / "lists", **{"x/b.txt": LINE, "a.csv.gz": b"packed", "_SUCCESS": b""}
        )

        shell.run("crawl", "--urls", "lists")

        sent = api.sent("POST", "/crawl-jobs")
        assert [each["name"] for each in sent["lists"]] == ["a.csv.gz", "x/b.txt"]
        assert sent["name"] == "lists"

    def test_names_a_prefix(self, api: FakeApi, shell: Shell) -> None:
        shell.run("crawl", "--urls", "s3://lists/ours/")

        sent = api.sent("POST", "/crawl-jobs")
        assert (sent["list_uri"], sent["name"]) == ("s3://lists/ours/", "s3://lists/ours/")

    def test_takes_words_that_are_no_files_for_keywords(self, api: FakeApi, shell: Shell) -> None:
        write(shell.directory, **{"a.txt": LINE})

        result = shell.run("crawl", "cat", "--urls", "a.txt")

        assert result.exit_code == 2
        assert "Give keywords or --urls, not both." in result.stderr
        assert not api.uploads


class TestReadLists:
    def test_passes_over_what_is_no_list(self, tmp_path: Path) -> None:
        names = (
            "README.csv",
            ".a.csv",
            "_b.csv",
            "_logs/c.csv",
            ".git/d.csv",
            "e.jpg",
            "0.tar",
            "f.txt",
        )
        write(tmp_path, **dict.fromkeys(names, LINE), **{"empty.txt": b""})
        (tmp_path / "loop").symlink_to(tmp_path)

        assert [each.name for each in read_lists([tmp_path])] == ["f.txt"]

    def test_refuses_a_folder_without_one(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidListError, match="there is no list in this folder"):
            read_lists([tmp_path])

    def test_bounds_how_many(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(list_files, "MAX_LISTS", 2)
        write(tmp_path, **dict.fromkeys(("a.txt", "b.txt", "c.txt"), LINE))

        with pytest.raises(InvalidListError, match="3 lists, where 2 make one job"):
            read_lists([tmp_path])

    def test_bounds_what_is_looked_through(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(list_files, "MAX_FILES", 2)
        write(tmp_path, **dict.fromkeys(("a.jpg", "b.jpg", "c.txt"), LINE))

        with pytest.raises(InvalidListError, match="there are more than 2 files in it"):
            read_lists([tmp_path])
