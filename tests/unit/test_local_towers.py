"""Towers on a laptop: named by what their files hold, and refused if one is not there."""

from pathlib import Path

import pytest

from crawlset_local import towers
from tests.unit.measuring import toy_towers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return toy_towers.write(tmp_path)


class TestParameters:
    def test_name_another_version_when_a_file_changes(self, folder: Path) -> None:
        before = towers.parameters(folder)
        same = towers.parameters(folder)
        (folder / "text.onnx").write_bytes(b"another")

        after = towers.parameters(folder)

        assert before == same
        assert before["TowersFolder"] == after["TowersFolder"] == "models/towers"
        assert before["TowersVersion"] != after["TowersVersion"]

    def test_are_none_without_all_files(self, folder: Path) -> None:
        (folder / "text.onnx").unlink()
        (folder / "settings.json").unlink()

        with pytest.raises(towers.TowersMissingError, match=r"no text\.onnx, settings\.json;"):
            towers.parameters(folder)
