"""Models on a laptop: made once where their packages are installed, and told of where not."""

import sys
from pathlib import Path

import pytest

from crawlset.measuring import faces, relevance
from crawlset.measuring.onnx_model import models_folder
from crawlset_local import models
from tests.infra.stack import ROOT

ALL = "relevance, text, nsfw, faces"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "share/crawlset/models"
    monkeypatch.setattr(models, "FOLDER", path)
    return path


class TestInstall:
    def test_makes_each_model_once(self, folder: Path) -> None:
        assert models.install(ROOT) == ALL
        made = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}

        assert models.install(ROOT) == ALL

        assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == made
        assert set(made) == {relevance.MODEL, faces.MODEL}
        assert (folder / relevance.MODEL).stat().st_size > 18_000_000

    @pytest.mark.parametrize("name", models.MODELS)
    def test_says_what_installs_them(self, folder: Path, monkeypatch, name: str) -> None:
        missing = models.MODELS | {name: models.Model("no_such_package")}
        monkeypatch.setattr(models, "MODELS", missing)

        assert "make models" in models.install(ROOT)
        assert not folder.exists()

    def test_says_which_was_not_made_and_why(self, folder: Path, tmp_path: Path) -> None:
        for name, model in models.MODELS.items():
            if model.maker is not None:
                program = tmp_path / model.maker
                program.parent.mkdir(parents=True)
                program.write_text(f"raise SystemExit('no weights of {name}')")

        assert models.install(tmp_path) == (
            "relevance not made: no weights of relevance, text, nsfw,"
            " faces not made: no weights of faces"
        )

    def test_makes_them_where_functions_look_for_them(self, monkeypatch) -> None:
        monkeypatch.delenv("MODELS_FOLDER", raising=False)

        assert models_folder() == models.FOLDER
        assert models.FOLDER.is_relative_to(sys.prefix)
