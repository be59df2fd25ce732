import errno
import os
import shutil
from pathlib import Path

import pytest

from crawlset_client.placing import MARKER
from tests.unit.client.conftest import Shell, names
from tests.unit.client.fake_api import FakeApi
from tests.unit.client.fake_dataset import zip_of


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
