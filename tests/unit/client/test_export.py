import errno
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, constants

from crawlset_client.placing import MARKER
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
            "SHA256SUMS",
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

    def test_leaves_checksums_that_hold(self, shell: Shell, job_id: str, tmp_path: Path) -> None:
        shell.run("export", job_id, "--out", "set")

        out = tmp_path / "set"
        checked = subprocess.run(
            ["sha256sum", "--check", "--strict", "SHA256SUMS"],
            cwd=out,
            capture_output=True,
            text=True,
            check=True,
        )
        found = {line.removesuffix(": OK") for line in checked.stdout.splitlines()}
        files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
        assert found == files - {"SHA256SUMS", MARKER}

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


class TestChoiceOfTheValidation:
    @pytest.fixture
    def job(self, api: FakeApi) -> dict[str, Any]:
        return api.add_job(api.add_project("cats"))

    def exported(self, api: FakeApi) -> Any:
        return api.sent("POST", "/export-jobs").get("validation_job_id")

    def test_is_the_newest_completed_one(
        self, api: FakeApi, shell: Shell, job: dict[str, Any]
    ) -> None:
        for _ in range(3):
            newest = api.add_validation(job, counts={"kept": 4, "rejected": 2})
        for status in ("failed", "cancelled", "failed"):
            api.add_validation(job, status=status)

        result = shell.run("export", job["id"], "--out", "set")

        assert self.exported(api) == newest["id"]
        assert (
            f"Exporting the 4 images that validation {newest['id']} kept;"
            " --all-stored exports all 6." in result.stderr
        )
        assert "still" not in result.stderr
        assert "not seen" not in result.stderr

    def test_is_none_when_all_stored_are_asked_for(
        self, api: FakeApi, shell: Shell, job: dict[str, Any]
    ) -> None:
        api.add_validation(job)

        result = shell.run("export", job["id"], "--out", "set", "--all-stored")

        assert (result.exit_code, self.exported(api)) == (0, None)
        assert "validation" not in result.stderr

    def test_is_silent_where_there_is_none(
        self, api: FakeApi, shell: Shell, job: dict[str, Any]
    ) -> None:
        result = shell.run("export", job["id"], "--out", "set")

        assert (result.exit_code, self.exported(api)) == (0, None)
        assert "--all-stored" not in result.stderr

    def test_leaves_out_one_that_goes_on(
        self, api: FakeApi, shell: Shell, job: dict[str, Any]
    ) -> None:
        first = api.add_validation(job, status="running")

        result = shell.run("export", job["id"], "--out", "one")

        assert self.exported(api) is None
        assert f"Validation {first['id']} is still running and is not used." in result.stderr
        assert "Exporting all 6 stored images." in result.stderr

    def test_counts_quarantine_where_it_is_included(
        self, api: FakeApi, shell: Shell, job: dict[str, Any], tmp_path: Path
    ) -> None:
        api.add_validation(job, counts={"kept": 2, "quarantined": 1, "rejected": 1})
        (tmp_path / "options.json").write_text('{"include_quarantined": true}')

        result = shell.run("export", job["id"], "--out", "set", "--options", "options.json")

        assert "Exporting the 3 images" in result.stderr
        assert "has not seen 2 images" in result.stderr

    @pytest.mark.parametrize(
        "options",
        [
            ("--validation", "v", "--all-stored"),
            ("--export-id", "e", "--all-stored"),
            ("--export-id", "e", "--validation", "v"),
        ],
    )
    def test_refuses_two_choices(
        self, api: FakeApi, shell: Shell, job: dict[str, Any], options: tuple[str, ...]
    ) -> None:
        result = shell.run("export", job["id"], "--out", "set", *options)

        assert (result.exit_code, api.exports) == (2, {})
        assert "UsageError" in result.stderr


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
        before = {path for path in tmp_path.rglob("*") if path.is_file()}
        api.files["data/train-00000.zip"] = zip_of(
            {"train/cat/z.jpg": b"a", "train/coffee/b.png": b"b", "validation/cat/c.jpg": b"c"}
        )
        manifest = api.files["manifest.jsonl"].decode()
        api.files["manifest.jsonl"] = manifest.replace(
            "train/cat/a.jpg", "train/cat/z.jpg"
        ).encode()

        refused = shell.run("export", job_id, "--out", "set")
        forced = shell.run("export", job_id, "--out", "set", "--force")

        assert (refused.exit_code, forced.exit_code) == (1, 0)
        assert "give --force" in refused.stderr
        after = {path for path in tmp_path.rglob("*") if path.is_file()}
        cats = tmp_path / "set/train/cat"
        assert (before - after, after - before) == ({cats / "a.jpg"}, {cats / "z.jpg"})
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


class TestFilesOfOthers:
    @pytest.fixture
    def out(self, shell: Shell, job_id: str, tmp_path: Path) -> Path:
        shell.run("export", job_id, "--out", "set")
        return tmp_path / "set"

    def test_stay_where_they_are(self, shell: Shell, job_id: str, out: Path) -> None:
        (out / "notes/2026").mkdir(parents=True)
        (out / "notes/2026/thesis.txt").write_text("years of work")
        (out / "train/cat/mine.jpg").write_bytes(b"mine")
        (out / "empty").mkdir()
        (out / "home").symlink_to(out.parent)
        (out / "nowhere").symlink_to("/no/such/place")
        inode = (out / "train/cat/mine.jpg").stat().st_ino

        result = shell.run("export", job_id, "--out", "set", "--force")

        assert result.exit_code == 0
        assert "Left 5 files" in result.stderr
        assert (out / "notes/2026/thesis.txt").read_text() == "years of work"
        assert (out / "train/cat/mine.jpg").stat().st_ino == inode
        assert (out / "empty").is_dir()
        assert (out / "home").readlink() == out.parent
        assert (out / "nowhere").is_symlink()
        assert names(out.parent) == {"set"}

    def test_stay_when_the_disk_has_no_hard_links(
        self, shell: Shell, job_id: str, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
        (out / "thesis.txt").write_text("years of work")
        (out / "link").symlink_to("thesis.txt")

        assert shell.run("export", job_id, "--out", "set", "--force").exit_code == 0

        assert (out / "link").read_text() == "years of work"
        assert names(out.parent) == {"set"}

    @pytest.mark.parametrize("name", ["README.md", "train/cat/a.jpg", "SHA256SUMS"])
    def test_are_files_of_the_export_that_were_changed(
        self, api: FakeApi, shell: Shell, job_id: str, out: Path, name: str
    ) -> None:
        (out / name).write_bytes(b"changed by hand")
        before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

        result = shell.run("export", job_id, "--out", "set", "--force")

        assert (result.exit_code, "TargetError" in result.stderr) == (1, True)
        assert f"{out / name} would be overwritten" in result.stderr
        assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before

        export_id = [*api.exports][-1]
        assert f"--export-id {export_id}" in result.stderr
        api.requests.clear()
        (out / name).rename(out.parent / "moved")
        again = shell.run("export", job_id, "--out", "set", "--force", "--export-id", export_id)

        assert again.exit_code == 0
        assert not [path for path in api.paths("GET") if path.startswith("/exports/")]
        assert names(out.parent) == {"set", "moved"}

    def test_are_not_those_that_were_only_touched(
        self, shell: Shell, job_id: str, out: Path
    ) -> None:
        os.utime(out / "README.md", (1, 1))

        result = shell.run("export", job_id, "--out", "set", "--force")

        assert (result.exit_code, "Left" in result.stderr) == (0, False)

    def test_stay_when_one_stands_where_a_directory_must_be(
        self, api: FakeApi, shell: Shell, job_id: str, out: Path
    ) -> None:
        shutil.rmtree(out / "test")
        (out / "test").write_text("my test results")

        result = shell.run("export", job_id, "--out", "set", "--force")

        assert result.exit_code == 1
        assert (out / "test").read_text() == "my test results"
        assert (out / "train/cat/a.jpg").exists()

    @pytest.mark.parametrize("text", ["{}", "no JSON", "[]"])
    def test_may_be_all_where_the_marker_does_not_say(
        self, api: FakeApi, shell: Shell, job_id: str, out: Path, text: str
    ) -> None:
        (out / MARKER).write_text(text)
        api.exports.clear()

        result = shell.run("export", job_id, "--out", "set", "--force")

        assert result.exit_code == 1
        assert "does not say which files it wrote" in result.stderr
        assert (out / "train/cat/a.jpg").exists()
        assert api.exports == {}

    def test_come_back_after_a_crash_between_two_renames(
        self, shell: Shell, job_id: str, out: Path
    ) -> None:
        (out / "thesis.txt").write_text("years of work")
        old = out.parent / ".set.some-export.partial/replaced/x/old"
        old.parent.mkdir(parents=True)
        out.rename(old)

        shell.run("export", job_id, "--out", "set", "--force")

        assert (out / "thesis.txt").read_text() == "years of work"

    def test_are_those_behind_a_symbolic_link(self, shell: Shell, job_id: str, out: Path) -> None:
        (out / "thesis.txt").write_text("years of work")
        link = out.parent / "link"
        link.symlink_to(out)

        assert shell.run("export", job_id, "--out", "link", "--force").exit_code == 0

        assert link.is_symlink()
        assert (out / "thesis.txt").exists()
        assert (out / "train/cat/a.jpg").exists()


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


class TestPushToHub:
    @pytest.fixture(autouse=True)
    def _nobody(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
        monkeypatch.delenv("HF_TOKEN", raising=False)

    @pytest.mark.parametrize(
        ("repository", "code"), [("ann/cats", "HubSignInError"), ("cats", "HubNameError")]
    )
    def test_is_checked_before_anything_is_exported(
        self, api: FakeApi, shell: Shell, job_id: str, repository: str, code: str
    ) -> None:
        result = shell.run("export", job_id, "--out", "set", "--push-to-hub", repository)

        assert result.exit_code != 0
        assert code in result.stderr
        assert api.requests == []

    def test_that_fails_leaves_the_dataset_and_says_where(
        self, shell: Shell, job_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def break_off(*_: object, **__: object) -> None:
            raise ConnectionError("the cable\nwas cut")

        monkeypatch.setattr(HfApi, "whoami", lambda _: {"name": "ann"})
        monkeypatch.setattr(HfApi, "create_repo", break_off)

        document = shell.json("export", job_id, "--out", "set", "--push-to-hub", "ann/cats")

        out = tmp_path / "set"
        assert (document["error"]["code"], document["path"]) == ("HubError", str(out))
        assert document["n_images"] == 5
        assert "the cable was cut. The dataset is complete at" in document["error"]["detail"]
        assert (out / "train/cat/a.jpg").exists()


class TestMarker:
    def test_names_the_job_and_its_files(
        self, api: FakeApi, shell: Shell, job_id: str, tmp_path: Path
    ) -> None:
        shell.run("export", job_id, "--out", "set")

        text = (tmp_path / "set" / MARKER).read_text()
        marker = json.loads(text)
        assert marker["crawl_job_id"] == job_id
        assert {file["name"] for file in marker["files"]} == set(api.files)
        out = tmp_path / "set"
        assert {name: entry[0] for name, entry in marker["written"].items()} == {
            str(path.relative_to(out)): path.stat().st_size
            for path in out.rglob("*")
            if path.is_file() and path.name != MARKER
        }
        assert "signature" not in text
