"""Towers on a laptop: named by what their files hold, and refused if one is not there."""

from pathlib import Path

import pytest

from crawlset_local.towers import TowersMissingError, towers_parameters
from tests.unit.measuring import toy_towers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return toy_towers.write(tmp_path)


class TestParameters:
    def test_name_another_version_when_a_file_changes(self, folder: Path) -> None:
        before = towers_parameters(folder)
        same = towers_parameters(folder)
        (folder / "text.onnx").write_bytes(b"another")

        after = towers_parameters(folder)

        assert before == same
        assert before["TowersFolder"] == after["TowersFolder"] == "models/towers"
        assert before["TowersVersion"] != after["TowersVersion"]

    def test_are_none_without_all_files(self, folder: Path) -> None:
        (folder / "text.onnx").unlink()
        (folder / "settings.json").unlink()

        with pytest.raises(TowersMissingError, match=r"no text\.onnx, settings\.json;"):
            towers_parameters(folder)
