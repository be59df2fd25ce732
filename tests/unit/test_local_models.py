"""Models on a laptop: made once where their packages are installed, and told of where not."""

import sys
from pathlib import Path

import pytest

from crawlset.measuring.onnx_model import models_folder
from crawlset.measuring.relevance import MODEL
from crawlset_local import models
from tests.infra.stack import ROOT


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "share/crawlset/models/efficientnet-lite0.onnx"
    monkeypatch.setattr(models, "RELEVANCE", path)
    return path


class TestInstall:
    def test_makes_the_model_once(self, place: Path) -> None:
        assert models.install(ROOT) == "relevance"
        made = place.stat()

        assert models.install(ROOT) == "relevance"

        assert made.st_size > 18_000_000
        assert place.stat().st_mtime_ns == made.st_mtime_ns
        assert [path.name for path in place.parent.iterdir()] == [place.name]

    def test_says_what_installs_them(self, place: Path, monkeypatch) -> None:
        monkeypatch.setattr(models, "NEEDED", ("no_such_package",))

        assert "make models" in models.install(ROOT)
        assert not place.exists()

    def test_says_why_one_was_not_made(self, place: Path, tmp_path: Path) -> None:
        program = tmp_path / models.MAKER
        program.parent.mkdir(parents=True)
        program.write_text("raise SystemExit('the weights are damaged')")

        assert models.install(tmp_path) == "not made: the weights are damaged"

    def test_makes_it_where_functions_look_for_it(self, monkeypatch) -> None:
        monkeypatch.delenv("MODELS_FOLDER", raising=False)

        assert models_folder() / MODEL == models.RELEVANCE
        assert models.RELEVANCE.is_relative_to(sys.prefix)
