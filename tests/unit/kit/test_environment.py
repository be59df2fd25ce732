"""A disk that outlives a crash."""

import tempfile
from pathlib import Path

import pytest

from crawlset.kit import environment


@pytest.fixture
def on_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "3538")


@pytest.fixture
def on_the_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "3538")


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("chunk-abc", "tmpdef", "ours"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pack").write_bytes(b"bytes")
    return tmp_path


class TestDisk:
    @pytest.mark.usefixtures("on_lambda")
    def test_is_rid_of_what_a_crash_left(self, disk: Path) -> None:
        environment.clear_disk()

        assert [path.name for path in disk.iterdir()] == ["ours"]

    @pytest.mark.usefixtures("on_the_emulator")
    def test_of_a_laptop_is_left_alone(self, disk: Path) -> None:
        environment.clear_disk()

        assert len(list(disk.iterdir())) == 3
