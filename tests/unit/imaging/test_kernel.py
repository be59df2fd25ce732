"""The compiled measures: those of NumPy and Pillow to the bit, or none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from infra import kernels

from crawlset.imaging import hashes, kernel, measures, scores
from crawlset.imaging.miniature import miniature
from crawlset.imaging.opening import open_picture
from crawlset.imaging.second_look import signature_of
from tests.unit.imaging.files import files

ROOT = Path(__file__).parents[3]
HERE = f"{sys.platform}-{os.uname().machine}"
FILES = list(files())
TRAPPING = ("-O1", "-fsanitize=undefined", "-fsanitize-trap=undefined")
"""Undefined behaviour ends the process."""
PLAIN = ("-U__SSE2__",)
"""As on a processor for which nothing is written by hand."""


class TestKernel:
    def test_is_there_for_this_machine(self) -> None:
        assert kernel.KERNEL is not None

    def test_measures_as_numpy_and_pillow_do_and_stays_within_the_picture(
        self, tmp_path: Path
    ) -> None:
        built = [kernel.FOLDER / f"{HERE}.so"]
        for name, flags in (("trapping", TRAPPING), ("plain", PLAIN)):
            built.append(kernels.compile_with_zig(HERE, tmp_path / name, flags))

        done = subprocess.run(
            [sys.executable, "-m", "tests.unit.imaging.kernel_trials", *built],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize(
        ("image_format", "data"),
        [(image_format, data) for _, image_format, _, data in FILES],
        ids=[name for name, *_ in FILES],
    )
    def test_measures_every_format_as_numpy_does(self, image_format: str, data: bytes) -> None:
        small = miniature(open_picture(data, image_format))
        signature = signature_of(small.grey, small.chroma, small.box)
        views = hashes.phashes(small.grey.astype(np.float64), small.box)

        hashed = measures.hashed(small.grey, small.chroma, small.box)
        measured = measures.measured(small.grey, small.chroma, small.box, 128)

        assert kernel.takes(small.grey)
        assert hashed == ((*views, hashes.turned_phash(signature)), signature)
        assert measured.scores == scores.scores(small.grey)
        assert measured.blur == scores.blur(small.grey, small.box, 128)
        assert (measured.colour, measured.colours) == scores.colours(small.chroma)

    @pytest.mark.parametrize("shape", [(2049, 1), (1, 2049), (1024, 257)])
    def test_leaves_what_is_too_large_to_numpy(self, shape: tuple[int, int]) -> None:
        height, width = shape
        grey = np.full(shape, 7, np.uint8)
        box = (0.0, 0.0, float(width), float(height))

        views, signature = measures.hashed(grey, None, box)

        assert not kernel.takes(grey)
        assert (len(views), signature) == (6, signature_of(grey, None, box))
        assert measures.measured(grey, None, box, max(shape)).scores == scores.scores(grey)
        with pytest.raises(ValueError, match="-1"):
            kernel.Kernel(kernel.FOLDER / f"{HERE}.so").hashed(grey, None, box)


class TestLibrary:
    def test_of_another_source_is_not_loaded(self, tmp_path: Path) -> None:
        kernels.compile_with_zig(HERE, tmp_path, ("-USOURCE", "-DSOURCE=1u"))

        assert kernel.load(tmp_path) is None

    def test_that_is_missing_or_broken_is_not_loaded(self, tmp_path: Path) -> None:
        assert kernel.load(tmp_path) is None

        (tmp_path / f"{HERE}.so").write_bytes(b"\x7fELF")
        assert kernel.load(tmp_path) is None

    @pytest.mark.parametrize("name", sorted(kernels.TARGETS))
    def test_is_the_same_bytes_wherever_it_is_made(self, name: str, tmp_path: Path) -> None:
        made = kernels.compile_with_zig(name, tmp_path)

        assert made.read_bytes() == (kernel.FOLDER / f"{name}.so").read_bytes()

    def test_is_made_by_the_compiler_of_the_system_without_zig(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        compiler = tmp_path / "compiler"
        compiler.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -m ziglang cc "$@"\n', encoding="utf-8"
        )
        compiler.chmod(0o755)
        monkeypatch.setenv("CC", str(compiler))
        monkeypatch.setattr(kernels, "has_zig", lambda: False)

        made = kernels.compile_here(tmp_path)

        assert made is not None
        assert kernel.load(tmp_path) is not None

    def test_is_none_without_a_compiler(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CC", str(tmp_path / "no-compiler"))
        monkeypatch.setattr(kernels, "has_zig", lambda: False)

        assert kernels.compile_here(tmp_path) is None
        assert kernel.load(tmp_path) is None


class TestChild:
    def test_measures_the_same_without_a_library(self, tmp_path: Path) -> None:
        """A checkout in which nothing could be compiled."""
        shutil.copytree(
            ROOT / "layers/core/crawlset",
            tmp_path / "crawlset",
            ignore=shutil.ignore_patterns("__pycache__", "kernels"),
        )
        data = next(data for name, *_, data in FILES if name == "avif RGB")
        program = (
            "import sys; from crawlset.imaging import decode, features, kernel; "
            "print(kernel.KERNEL is not None, "
            "features.result_message(decode.describe(sys.stdin.buffer.read())))"
        )

        said = [
            subprocess.run(
                [sys.executable, "-c", program],
                input=data,
                env={**os.environ, "PYTHONPATH": str(folder)},
                capture_output=True,
                check=True,
            ).stdout.split(b" ", 1)
            for folder in (ROOT / "layers/core", tmp_path)
        ]

        assert [has_kernel for has_kernel, _ in said] == [b"True", b"False"]
        assert said[0][1] == said[1][1]
