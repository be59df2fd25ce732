from pathlib import Path

import pytest

from tests.unit.client.conftest import Shell, names
from tests.unit.client.fake_api import FakeApi
from tests.unit.client.fake_dataset import zip_of

WITHHELD = {
    "takedown_id": "t-1",
    "at": "2026-03-01T12:00:00Z",
    "removes_at": "2026-03-02T12:00:00Z",
    "is_removed": False,
}


class TestExportThatFails:
    def test_leaves_no_dataset_of_a_damaged_file(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        api.damage = lambda name, body: body[::-1] if name == "data/train-00001.zip" else body

        result = shell.run("export", job_id, "--out", "set")

        assert result.exit_code == 6
        assert "train-00001.zip came damaged: its SHA-256" in result.stderr
        assert not (tmp_path / "set").exists()

    def test_goes_on_with_what_came_whole(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        api.damage = lambda name, body: body if name == "data/train-00000.zip" else body[::-1]
        failed = shell.run("export", job_id, "--out", "set")
        n_whole, n_files = 1, sum(path.startswith("/exports/") for path in api.paths("GET"))
        api.damage = lambda _name, body: body
        (export_id,) = api.exports
        api.requests.clear()

        result = shell.run("export", job_id, "--out", "set", "--export-id", export_id)

        assert f"And {n_files - n_whole - 1} more." in failed.stderr
        assert result.exit_code == 0
        assert "/exports/0" not in api.paths("GET")
        assert "/exports/1" in api.paths("GET")
        assert len(api.exports) == 1
        assert names(tmp_path) == {"set"}

    def test_says_how_to_go_on_after_ctrl_c(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        def interrupt(_name: str, _body: bytes) -> bytes:
            raise KeyboardInterrupt

        api.damage = interrupt

        result = shell.run("export", job_id, "--out", "set")

        (export_id,) = api.exports
        assert result.exit_code == 130
        assert f"crawlset export {job_id} --export-id {export_id} --out DIR" in result.stderr
        assert not (tmp_path / "set").exists()

    def test_leaves_nothing_of_what_is_withheld(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        shell.run("export", job_id, "--out", "set")
        (export_id,) = api.exports
        api.exports[export_id]["withheld"] = WITHHELD

        result = shell.run("export", job_id, "--out", "other", "--export-id", export_id)

        assert result.exit_code == 4
        assert "were removed by t-1. (ExportTakenDownError" in result.stderr
        assert names(tmp_path) == {"set"}

    def test_keeps_what_an_earlier_command_has_fetched_of_what_is_withheld(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        api.damage = lambda name, body: body[::-1] if name == "data/train-00001.zip" else body
        shell.run("export", job_id, "--out", "set")
        (export_id,) = api.exports
        api.exports[export_id]["withheld"] = WITHHELD
        (stage,) = tmp_path.iterdir()
        fetched = {path for path in stage.rglob("*") if path.is_file()}

        shell.run("export", job_id, "--out", "set", "--export-id", export_id)

        assert fetched
        assert fetched <= {*stage.rglob("*")}

    def test_leaves_nothing_where_the_store_refuses_all(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        api.expired_addresses = 100

        result = shell.run("export", job_id, "--out", "set")

        assert result.exit_code == 4
        assert names(tmp_path) == set()

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"is_removed": True}, "its files were removed by takedown t-1"),
            ({}, "withheld by takedown t-1, which can be revoked until 2026-03-02 12:00 UTC"),
        ],
    )
    def test_says_in_words_what_is_withheld(
        self, api: FakeApi, shell: Shell, job_id: str, more: dict[str, bool], words: str
    ) -> None:
        shell.run("export", job_id, "--out", "set")
        (export,) = api.exports.values()
        api.jobs[job_id]["export_jobs"] = [export | {"withheld": WITHHELD | more}]

        assert words in shell.run("jobs", "show", job_id).stdout

    @pytest.mark.parametrize("name", ["../escaped.jpg", "/tmp/escaped.jpg", "a\\..\\escaped.jpg"])
    def test_writes_nothing_outside_of_the_directory(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path, name: str
    ) -> None:
        api.files["data/train-00001.zip"] = zip_of({name: b"escaped"})

        result = shell.run("export", job_id, "--out", "set")

        assert result.exit_code == 1
        assert "train-00001.zip is not unpacked" in result.stderr
        assert not list(tmp_path.rglob("*escaped*"))
        assert not (tmp_path / "set").exists()

    @pytest.mark.parametrize("name", ["../data.zip", "/tmp/data.zip", "a/../../data.zip", ".."])
    def test_downloads_no_file_with_such_a_name(
        self, api: FakeApi, shell: Shell, job_id: str, name: str
    ) -> None:
        api.files[name] = b"escaped"

        result = shell.run("export", job_id, "--out", "set")

        assert result.exit_code == 1
        assert "UnsafeArchiveError" in result.stderr
        assert not [path for path in api.paths("GET") if path.startswith("/exports/")]

    def test_finds_that_images_are_missing(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        del api.files["data/train-00001.zip"]

        result = shell.run("export", job_id, "--out", "set")

        assert result.exit_code == 6
        assert "holds 3 images where it says 5" in result.stderr
        assert not (tmp_path / "set").exists()

    def test_shows_the_failed_job(self, api: FakeApi, shell: Shell, job_id: str) -> None:
        api.end_status = "failed"

        document = shell.json("export", job_id, "--out", "set")

        assert document["error"]["code"] == "JobEndedError"
        assert document["export_job"]["status"] == "failed"
