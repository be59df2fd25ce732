"""The execution environment: cores that are paid for, and a disk that outlives a crash."""

import os
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


class TestCores:
    @pytest.fixture(autouse=True)
    def three_are_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As Lambda shows at 3,538 MB, whose quota is for two."""
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)

    @pytest.mark.usefixtures("on_lambda")
    def test_are_those_that_memory_pays_for(self) -> None:
        assert environment.n_cores() == 2

    @pytest.mark.usefixtures("on_lambda")
    def test_are_one_at_least(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")

        assert environment.n_cores() == 1

    @pytest.mark.usefixtures("on_the_emulator")
    def test_are_all_of_a_laptop(self) -> None:
        assert environment.n_cores() == 3


class TestDisk:
    @pytest.mark.usefixtures("on_lambda")
    def test_is_rid_of_what_a_crash_left(self, disk: Path) -> None:
        environment.clear_disk()

        assert [path.name for path in disk.iterdir()] == ["ours"]

    @pytest.mark.usefixtures("on_the_emulator")
    def test_of_a_laptop_is_left_alone(self, disk: Path) -> None:
        environment.clear_disk()

        assert len(list(disk.iterdir())) == 3
