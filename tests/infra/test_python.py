"""The Pythons that are promised: the same everywhere, and found wherever people keep them."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIND = ROOT / "infra/find-python"
VERSIONS = ["3.12", "3.13", "3.14"]
COREUTILS = "/usr/bin:/bin"

STUB = """#!/bin/sh
case "$2" in *sysconfig*) echo "{version}" ;; *) echo "$0" ;; esac
"""
BROKEN_SHIM = """#!/bin/sh
echo "pyenv: python3: command not found" >&2
exit 127
"""


def stub(path: Path, version: str) -> Path:
    """A program that says it is this version of Python, and where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(STUB.format(version=version))
    path.chmod(0o755)
    return path


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """What the script itself needs, and no Python."""
    directory = tmp_path / "tools"
    directory.mkdir()
    for name in ("sh", "dirname", "env", "cat"):
        (directory / name).symlink_to(f"/bin/{name}")
    return directory


def find(
    *arguments: str, home: Path, path: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(FIND), *arguments],
        env={"HOME": str(home), "PATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


class TestPromise:
    def test_is_the_same_wherever_it_is_made(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        classifiers = " ".join(project["classifiers"])
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

        assert project["requires-python"] == f">={VERSIONS[0]}"
        assert re.findall(r"Python :: (3\.\d+)", classifiers) == VERSIONS
        assert f"VERSIONS := {' '.join(VERSIONS)}\n" in makefile
        assert "Python 3.12, 3.13 or 3.14" in (ROOT / "README.md").read_text(encoding="utf-8")
        assert f"Python {VERSIONS[0]} to {VERSIONS[-1]}" in makefile

    def test_holds_for_what_runs_this(self) -> None:
        assert f"{sys.version_info.major}.{sys.version_info.minor}" in VERSIONS


class TestFindPython:
    def test_takes_python3_where_it_fits(self, tmp_path: Path, tools: Path) -> None:
        theirs = stub(tmp_path / "bin/python3", "3.12")
        stub(tmp_path / "bin/python3.13", "3.13")

        found = find(home=tmp_path, path=f"{tmp_path / 'bin'}:{tools}")

        assert found.stdout.strip() == str(theirs)

    @pytest.mark.parametrize("old", ["3.9", "3.11", "3.15", "3.13.1 of another kind"])
    def test_passes_over_a_python3_that_does_not_fit(
        self, tmp_path: Path, tools: Path, old: str
    ) -> None:
        stub(tmp_path / "bin/python3", old)
        fitting = stub(tmp_path / "bin/python3.13", "3.13")

        found = find(home=tmp_path, path=f"{tmp_path / 'bin'}:{tools}")

        assert found.stdout.strip() == str(fitting)

    @pytest.mark.parametrize(
        "place",
        [
            ".pyenv/versions/3.13.0/bin",
            ".asdf/installs/python/3.13.9/bin",
            ".local/share/mise/installs/python/3.13/bin",
            ".local/share/uv/python/cpython-3.13.4-linux-x86_64-gnu/bin",
        ],
    )
    def test_looks_where_version_managers_keep_theirs(
        self, tmp_path: Path, tools: Path, place: str
    ) -> None:
        kept = stub(tmp_path / place / "python3.13", "3.13")

        found = find(home=tmp_path, path=str(tools))

        assert found.stdout.strip() == str(kept)

    def test_passes_over_shims_that_run_nothing(self, tmp_path: Path, tools: Path) -> None:
        for name in ("python3", "python3.13"):
            stub(tmp_path / "shims" / name, "").write_text(BROKEN_SHIM)
        kept = stub(tmp_path / ".pyenv/versions/3.13.0/bin/python3.13", "3.13")

        found = find(home=tmp_path, path=f"{tmp_path / 'shims'}:{tools}")

        assert found.stdout.strip() == str(kept)
        assert found.stderr == ""

    def test_says_in_one_line_that_there_is_none(self, tmp_path: Path, tools: Path) -> None:
        found = find(home=tmp_path, path=str(tools))

        assert (found.returncode, found.stdout) == (1, "")
        assert found.stderr.count("\n") == 1
        assert "needs Python 3.12, 3.13 or 3.14, and none was found" in found.stderr

    def test_lets_uv_fetch_one(self, tmp_path: Path, tools: Path) -> None:
        fetched = tmp_path / ".local/share/uv/python/cpython-3.13.4-linux/bin/python3.13"
        uv = stub(tmp_path / "uv", "")
        uv.write_text(
            f'#!/bin/sh\n[ "$*" = "--quiet python install 3.13" ] || exit 2\n'
            f'PATH={COREUTILS}\nmkdir -p "{fetched.parent}"\n'
            f'cp "{stub(tmp_path / "source", "3.13")}" "{fetched}"\n'
        )

        found = find(home=tmp_path, path=str(tools), UV=str(uv))

        assert found.stdout.strip() == str(fetched)

    @pytest.mark.parametrize(
        ("given", "why"),
        [
            ("python3.99", "There is no python3.99 here"),
            ("3.12", "There is no Python 3.12 here"),
            ("python3.14", "There is no Python 3.14 here"),
            ("old", "old is 3.9."),
        ],
    )
    def test_says_why_the_one_that_is_asked_for_will_not_do(
        self, tmp_path: Path, tools: Path, given: str, why: str
    ) -> None:
        stub(tmp_path / "bin/old", "3.9")
        stub(tmp_path / "bin/python3", "3.13")

        found = find(given, home=tmp_path, path=f"{tmp_path / 'bin'}:{tools}")

        assert found.returncode == 1
        assert why in found.stderr
        assert found.stderr.count("\n") == 1

    def test_judges_a_real_interpreter(self, tmp_path: Path) -> None:
        found = find(sys.executable, home=tmp_path, path=os.environ["PATH"])

        assert found.stdout.strip() == sys.executable


class TestMake:
    def test_says_in_one_line_that_there_is_none(self, tmp_path: Path, tools: Path) -> None:
        checkout = tmp_path / "a checkout"
        (checkout / "infra/tools").mkdir(parents=True)
        needed = (
            "Makefile",
            "infra/find-python",
            "infra/tools/uv.txt",
            "uv.lock",
            "pyproject.toml",
        )
        for name in needed:
            shutil.copy(ROOT / name, checkout / name)
        make = shutil.which("make")
        assert make is not None

        done = subprocess.run(
            [make, "demo"],
            cwd=checkout,
            env={"HOME": str(tmp_path), "PATH": str(tools)},
            capture_output=True,
            text=True,
            check=False,
        )

        said = [line for line in done.stderr.splitlines() if not line.startswith("make:")]
        assert done.returncode != 0
        assert done.stdout == ""
        assert len(said) == 1
        assert "none was found" in said[0]
