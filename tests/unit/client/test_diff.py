import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.client.conftest import Shell
from tests.unit.client.fake_api import FakeApi
from tests.unit.client.fake_dataset import manifest_line

ZIP = "data/train-00000.zip"


def line(n: int, name: str | None, body: bytes = b"a", **more: Any) -> dict[str, Any]:
    return manifest_line(n, "stored", ZIP if name else None, name, body) | more


def write(directory: Path, *lines: dict[str, Any]) -> None:
    directory.mkdir()
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (directory / "manifest.jsonl").write_text(text)


@pytest.fixture
def exports(tmp_path: Path) -> None:
    write(
        tmp_path / "a",
        line(0, "train/cat/0.jpg"),
        line(1, "train/cat/1.jpg"),
        line(2, "train/cat/2.jpg"),
        line(3, "train/cat/3.jpg"),
        line(4, "train/cat/4.jpg"),
        line(5, None),
    )
    write(
        tmp_path / "b",
        line(0, "train/cat/0.jpg"),
        line(1, "train/cat/1.jpg", b"another"),
        line(2, "train/dog/2.jpg"),
        line(3, "test/cat/3.jpg"),
        line(4, None, rule="blurry"),
        line(5, "train/cat/5.jpg"),
    )


@pytest.mark.usefixtures("exports")
class TestDiff:
    def test_tells_what_has_changed(self, shell: Shell) -> None:
        found = shell.json("diff", "a", "b")

        assert found["n_same"] == 1
        assert found["added"] == ["http://host.test/5"]
        changes = {
            kind: [(change["url"][-1], change["before"], change["after"]) for change in found[kind]]
            for kind in ("removed", "relabelled", "moved")
        }
        assert changes == {
            "removed": [("4", "cat", "blurry")],
            "relabelled": [("2", "cat", "dog")],
            "moved": [("3", "train", "test")],
        }
        assert [change["url"][-1] for change in found["replaced"]] == ["1"]

    def test_of_one_with_itself_is_nothing(self, shell: Shell) -> None:
        found = shell.json("diff", "a", "a/manifest.jsonl")

        assert found.pop("n_same") == 5
        assert not any(found.values())

    def test_is_drawn(self, shell: Shell) -> None:
        result = shell.run("diff", "a", "b")

        assert result.exit_code == 0
        assert "+ http://host.test/5" in result.stdout
        assert "~ http://host.test/2  cat → dog" in result.stdout
        assert "- http://host.test/4  cat → blurry" in result.stdout


class TestDiffOfWhatIsThere:
    def test_fetches_the_manifests_of_exports(self, api: FakeApi, shell: Shell) -> None:
        job_id = api.add_job(api.add_project("cats"))["id"]
        shell.run("export", job_id, "--out", "set")
        (export_id,) = api.exports

        found = shell.json("diff", "set", f"{job_id}/{export_id}")

        assert found["n_same"] == 5
        assert found["added"] == found["removed"] == []

    @pytest.mark.parametrize("name", ["nowhere", "nowhere/at/all"])
    def test_says_when_there_is_none(self, shell: Shell, name: str) -> None:
        result = shell.run("diff", name, name)

        assert result.exit_code == 1
        assert "There is no manifest at nowhere" in result.stderr

    def test_says_when_it_is_none(self, shell: Shell, tmp_path: Path) -> None:
        (tmp_path / "manifest.jsonl").write_text("no JSON")

        result = shell.run("diff", "manifest.jsonl", "manifest.jsonl")

        assert result.exit_code == 1
        assert "manifest.jsonl is no manifest" in result.stderr
