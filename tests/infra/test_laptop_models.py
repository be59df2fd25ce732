"""Models of a laptop, which the Makefile has made by the scripts that make those of the layers."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKERS = ("layers/relevance/efficientnet_lite0.py", "layers/faces/centerface.py")


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose uv installs nothing and whose Python notes the scripts that it is to run."""
    program(tmp_path / "infra/find-python", "echo python3")
    (tmp_path / "infra/tools").mkdir()
    for name in ("infra/tools/uv.txt", "pyproject.toml", "uv.lock", *MAKERS):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    program(tmp_path / ".uv/bin/uv", "exit 0")
    program(tmp_path / ".venv/bin/python", 'echo "$1" >> made')
    shutil.copy(ROOT / "Makefile", tmp_path)
    return tmp_path


def made(checkout: Path, stamp: str) -> list[str]:
    """The scripts that run for the sake of `stamp`."""
    noted = checkout / "made"
    noted.write_text("")
    subprocess.run(["make", stamp], cwd=checkout, check=True, capture_output=True)
    return noted.read_text().split()


@pytest.mark.parametrize("stamp", [".venv/.dev", ".venv/.models"])
@pytest.mark.parametrize("maker", MAKERS)
def test_are_made_anew_when_a_script_changes(checkout: Path, stamp: str, maker: str) -> None:
    assert made(checkout, stamp) == list(MAKERS)
    assert made(checkout, stamp) == []

    later = (checkout / stamp).stat().st_mtime + 10
    os.utime(checkout / maker, (later, later))

    assert made(checkout, stamp) == list(MAKERS)
