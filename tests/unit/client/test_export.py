import json
import time
from pathlib import Path

import pytest

from crawlset_client.datasets import MARKER
from tests.unit.client.conftest import Shell
from tests.unit.client.fake_api import FakeApi, zip_of

WITHHELD = {
    "takedown_id": "t-1",
    "at": "2026-03-01T12:00:00Z",
    "removes_at": "2026-03-02T12:00:00Z",
    "is_removed": False,
}
VALIDATION = "01a2242c-c558-7275-a163-d0ecdb03846d"


@pytest.fixture
def job_id(api: FakeApi) -> str:
    return str(api.add_job(api.add_project("cats"))["id"])


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


class TestExport:
    def test_unpacks_everything(self, shell: Shell, job_id: str, tmp_path: Path) -> None:
        result = shell.run("export", job_id, "--out", "sets/cats")

        assert result.exit_code == 0
        out = tmp_path / "sets/cats"
        assert names(out) == {
            "train",
            "validation",
            "test",
            "manifest.jsonl",
            "README.md",
            MARKER,
        }
        assert (out / "train/cat/a.jpg").read_bytes() == b"a"
        assert names(tmp_path / "sets") == {"cats"}
        assert f"5 images in {out}" in result.stdout

    def test_prints_what_is_where(self, shell: Shell, job_id: str, tmp_path: Path) -> None:
        document = shell.json("export", job_id, "--format", "imagefolder", "--out", "set")

        assert document["path"] == str(tmp_path / "set")
        assert document["n_images"] == 5
        assert document["splits"] == {
            "test": {"rocket": 1},
            "train": {"cat": 1, "coffee": 1, "rocket": 1},
            "validation": {"cat": 1},
        }
        assert document["export_job"]["status"] == "completed"

    def test_exports_what_a_validation_kept(self, api: FakeApi, shell: Shell, job_id: str) -> None:
        shell.run("export", job_id, "--out", "set", "--validation", VALIDATION)

        assert api.sent("POST", "/export-jobs") == {
            "format": "imagefolder",
            "validation_job_id": VALIDATION,
        }

    def test_says_which_formats_there_are(self, shell: Shell, job_id: str) -> None:
        result = shell.run("export", job_id, "--out", "set", "--format", "coco")

        assert result.exit_code == 4
        assert "should be 'imagefolder' or 'parquet'" in result.stderr

    def test_asks_again_for_an_address_that_expired(
        self, api: FakeApi, shell: Shell, job_id: str
    ) -> None:
        api.expired_addresses = 1

        assert shell.run("export", job_id, "--out", "set").exit_code == 0

    def test_sends_its_options(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        (tmp_path / "options.json").write_text('{"splits": {"train": 1}}')

        result = shell.run("export", job_id, "--out", "set", "--options", "options.json")

        assert result.exit_code == 0
        assert api.sent("POST", "/export-jobs")["export_options"] == {"splits": {"train": 1}}

    def test_leaves_archives_packed_when_asked(
        self, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        document = shell.json("export", job_id, "--out", "set", "--no-unpack")

        assert document["n_images"] == 5
        assert names(tmp_path / "set") == {"data", "manifest.jsonl", "README.md", MARKER}
        assert names(tmp_path / "set/data") == {"train-00000.zip", "train-00001.zip"}

    def test_unpacks_only_what_is_a_tree_of_images(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        document = shell.json("export", job_id, "--out", "set", "--format", "parquet")

        assert document["n_images"] == 5
        assert names(tmp_path / "set/data") == {"train-00000.zip", "train-00001.zip"}

    def test_needs_a_manifest(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        del api.files["manifest.jsonl"]

        result = shell.run("export", job_id, "--out", "set")

        assert result.exit_code == 1
        assert "There is no manifest" in result.stderr
        assert not (tmp_path / "set").exists()


class TestExportIntoADirectory:
    def test_fills_an_empty_one(self, shell: Shell, job_id: str, tmp_path: Path) -> None:
        (tmp_path / "set").mkdir()

        assert shell.run("export", job_id, "--out", "set").exit_code == 0
        assert (tmp_path / "set/train").is_dir()

    def test_leaves_one_with_other_files_alone(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        (tmp_path / "set").mkdir()
        (tmp_path / "set/thesis.txt").write_text("years of work")

        for force in ([], ["--force"]):
            result = shell.run("export", job_id, "--out", "set", *force)

            assert result.exit_code == 1
            assert "not empty and holds no export" in result.stderr
        assert names(tmp_path / "set") == {"thesis.txt"}
        assert api.exports == {}

    def test_replaces_an_export_only_if_forced(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        shell.run("export", job_id, "--out", "set")
        (tmp_path / "set/train/cat/old.jpg").write_bytes(b"old")

        refused = shell.run("export", job_id, "--out", "set")
        forced = shell.run("export", job_id, "--out", "set", "--force")

        assert (refused.exit_code, forced.exit_code) == (1, 0)
        assert "give --force" in refused.stderr
        assert not (tmp_path / "set/train/cat/old.jpg").exists()
        assert names(tmp_path) == {"set"}
        assert len(api.exports) == 2

    def test_refuses_a_file(self, shell: Shell, job_id: str, tmp_path: Path) -> None:
        (tmp_path / "set").write_text("file")

        result = shell.run("export", job_id, "--out", "set", "--force")

        assert result.exit_code == 1
        assert "is not a directory" in result.stderr

    def test_refuses_the_working_directory(self, shell: Shell, job_id: str) -> None:
        result = shell.run("export", job_id, "--out", ".")

        assert result.exit_code == 1
        assert "name one inside it" in result.stderr


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
        def damage(name: str, body: bytes) -> bytes:
            if name != "data/train-00001.zip":
                return body
            deadline = time.monotonic() + 30
            while not any(tmp_path.rglob("train-00000.zip")) and time.monotonic() < deadline:
                pass  # what is damaged comes last, lest it stops the others
            return body[::-1]

        api.damage = damage
        shell.run("export", job_id, "--out", "set")
        api.damage = lambda _name, body: body
        (export_id,) = api.exports
        api.requests.clear()

        result = shell.run("export", job_id, "--out", "set", "--export-id", export_id)

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


class TestMarker:
    def test_names_the_job_and_its_files(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        shell.run("export", job_id, "--out", "set")

        text = (tmp_path / "set" / MARKER).read_text()
        marker = json.loads(text)
        assert marker["crawl_job_id"] == job_id
        assert {file["name"] for file in marker["files"]} == set(api.files)
        assert "signature" not in text
