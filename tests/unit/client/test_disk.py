"""`crawlset du` and `crawlset gc`, as far as no database is asked; see test_local_garbage.py."""

import json
import os
import time
from pathlib import Path

import pytest

from crawlset_client import leftovers
from crawlset_local import garbage
from tests.unit.client.conftest import Shell
from tests.unit.client.fake_api import FakeApi

EXPORT = "01a22420-6c25-744c-8faa-9dec93478c84"
BUCKET = ".crawlset/s3/000000000000/crawlset-local"
HOURS = 3600


@pytest.fixture(autouse=True)
def _no_databases_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "_lost_databases", list)


def make_stage(
    directory: Path, *, name: str = "set", marked: str = EXPORT, age_hours: float = 2
) -> Path:
    """What a download of an export leaves where it breaks off."""
    stage = directory / f".{name}.{EXPORT}.partial"
    (stage / "files").mkdir(parents=True)
    (stage / "files/a.zip.partial").write_bytes(b"x" * 9000)
    (stage / ".crawlset-export.json").write_text(json.dumps({"export_job_id": marked}))
    make_older(stage, age_hours)
    return stage


def make_older(stage: Path, hours: float) -> None:
    for path in stage.rglob("*"):
        os.utime(path, (time.time() - hours * HOURS,) * 2)


class TestLeftovers:
    def test_are_listed_first_and_removed_when_told(self, shell: Shell, tmp_path: Path) -> None:
        stages = [make_stage(tmp_path), make_stage(tmp_path / "datasets")]

        listed = shell.json("gc")
        assert all(stage.exists() for stage in stages)
        removed = shell.json("gc", "--yes")

        assert {item["what"] for item in listed["garbage"]} == {str(stage) for stage in stages}
        assert {item["removed"] for item in listed["garbage"]} == {False}
        assert listed["bytes"] == removed["removed_bytes"] > 18_000
        assert not any(stage.exists() for stage in stages)

    def test_are_named_with_what_to_do(self, shell: Shell, tmp_path: Path) -> None:
        make_stage(tmp_path)

        assert "`crawlset gc --yes` removes it" in shell.run("gc").stdout
        assert "Removed " in shell.run("gc", "--yes").stdout
        assert "Found nothing to remove." in shell.run("gc", "--yes").stdout

    def test_are_looked_for_where_exports_were_put(self, shell: Shell, tmp_path: Path) -> None:
        stage = make_stage(tmp_path / "elsewhere")

        shell.run("gc", "--yes")
        assert stage.exists()
        shell.run("gc", "--yes", "--datasets", "elsewhere")
        assert not stage.exists()

    def test_are_left_alone_if_they_may_be_somebodys(self, shell: Shell, tmp_path: Path) -> None:
        unmarked = make_stage(tmp_path, name="unmarked")
        (unmarked / ".crawlset-export.json").unlink()
        others = make_stage(tmp_path, name="others", marked="another")
        fresh = make_stage(tmp_path, name="fresh", age_hours=0.5)
        holding = make_stage(tmp_path, name="holding")
        (holding / "replaced").mkdir()
        (tmp_path / "mine.partial").write_text("mine")

        assert shell.json("gc", "--yes")["garbage"] == []
        assert all(path.exists() for path in (unmarked, others, fresh, holding))

    def test_are_made_as_they_are_looked_for(
        self, api: FakeApi, shell: Shell, tmp_path: Path
    ) -> None:
        job = api.add_job(api.add_project("a"))
        api.damage = lambda _, body: body[:-1]

        assert shell.run("export", job["id"], "--out", "set").exit_code == 6
        (stage,) = tmp_path.glob(".*.partial")
        make_older(stage, 2)

        (item,) = shell.json("gc")["garbage"]
        assert item["kind"] == leftovers.KIND


class TestGc:
    def test_goes_on_past_what_cannot_be_removed(
        self, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stages = [make_stage(tmp_path, name=name) for name in ("a", "b")]
        real = garbage.remove

        def remove(item: garbage.Garbage) -> None:
            if item.paths == (stages[0],):
                raise PermissionError(13, "Permission denied", str(stages[0]))
            real(item)

        monkeypatch.setattr(garbage, "remove", remove)
        result = shell.run("gc", "--yes", "--json")

        document = json.loads(result.stdout)
        assert result.exit_code == 1
        assert [item["removed"] for item in document["garbage"]] == [False, True]
        assert f"{stages[0]}: Permission denied" in document["error"]["detail"]

    def test_makes_no_home_where_none_is(self, shell: Shell, tmp_path: Path) -> None:
        result = shell.run("gc", "--yes")

        assert (result.exit_code, [*tmp_path.iterdir()]) == (0, [])
        assert "is no home of a laptop cloud" in result.stderr


class TestDu:
    def put(self, root: Path, name: str, n_bytes: int) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * n_bytes)

    def test_tells_parts_and_whose_they_are(
        self, api: FakeApi, shell: Shell, tmp_path: Path
    ) -> None:
        job = api.add_job(api.add_project("a"))
        bucket = tmp_path / BUCKET
        self.put(bucket, f"jobs/{job['id']}/chunks/c/1-t.tar", 50_000)
        self.put(bucket, f"jobs/{job['id']}/candidates/s.00000.jsonl.gz", 5_000)
        self.put(bucket, f"exports/{EXPORT}/data/train.zip", 9_000)
        self.put(tmp_path / f"{BUCKET}-artifacts", "code.zip", 5_000)
        self.put(tmp_path / ".crawlset", "logs/emulator.log", 5_000)

        document = shell.json("du")

        assert document["parts"].keys() == {
            "packs",
            "candidates and outcomes",
            "exports",
            "deployed code",
            "logs",
        }
        assert document["bytes"] == sum(part["bytes"] for part in document["parts"].values())
        assert document["free_bytes"] > 0
        first, second = document["owners"]
        assert (first["id"], first["name"], first["files"]) == (job["id"], "cats", 2)
        assert (second["id"], second["name"]) == (EXPORT, None)
        assert "cats" in shell.run("du").stdout

    def test_needs_no_service(self, shell: Shell, tmp_path: Path) -> None:
        self.put(tmp_path / ".crawlset", "logs/emulator.log", 5_000)

        result = shell.run("du", CRAWLSET_API_KEY=None)

        assert result.exit_code == 0
        assert "logs" in result.stdout
