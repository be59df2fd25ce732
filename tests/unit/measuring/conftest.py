"""The models, made once a session as `make models` makes them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.stack import ROOT


@pytest.fixture(scope="session")
def made_models(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("models")
    for program, model in {
        "layers/relevance/efficientnet_lite0.py": "efficientnet-lite0.onnx",
        "layers/faces/centerface.py": "centerface.onnx",
    }.items():
        subprocess.run([sys.executable, ROOT / program, folder / model], check=True)
    return folder


@pytest.fixture
def models(made_models, monkeypatch) -> Path:
    """The folder of installed models, with all that there are."""
    monkeypatch.setenv("MODELS_FOLDER", str(made_models))
    return made_models
