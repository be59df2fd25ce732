"""The wheel as a user installs it: in an empty folder, without the checkout."""

import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from infra import kernels

from tests.ports import free_ports

ROOT = Path(__file__).parents[2]
MAX_CLIENT_BYTES = 15_000_000
MAX_IMPORTED_MODULES = 130
MAX_MODULES_FOR_HELP = 180
BARE = {"PATH": os.defpath, "LANG": "C.UTF-8"}
"""The environment of a user who has set nothing."""

UV = Path(ROOT, os.environ.get("UV") or shutil.which("uv") or ".uv/bin/uv")


def uv(*arguments: str | Path) -> str:
    done = subprocess.run([UV, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    uv("build", "--sdist", "--wheel", "--quiet", "--python", sys.executable, "--out-dir", directory)
    (built,) = directory.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def pins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The versions of the lock: what is installed is what was tested, and is at hand."""
    file = tmp_path_factory.mktemp("pins") / "constraints.txt"
    uv(
        *("export", "--quiet", "--frozen", "--no-hashes", "--no-emit-project"),
        *("--all-extras", "--output-file", file),
    )
    return file


@pytest.fixture(scope="module")
def client(wheel: Path, pins: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that has the bare client."""
    return install(str(wheel), tmp_path_factory.mktemp("client") / "venv", pins)


def install(what: str, directory: Path, pins: Path) -> Path:
    """A new environment with `what` in it; gives its `bin`."""
    uv("venv", "--quiet", "--python", sys.executable, directory)
    uv("pip", "install", "--quiet", "--python", directory, "--constraint", pins, what)
    return directory / "bin"


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run as a user who has set nothing."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=BARE | {"HOME": str(cwd)},
        capture_output=True,
        text=True,
        check=False,
    )


def port_options() -> tuple[str, ...]:
    ports = free_ports()
    return (
        *("--port", str(ports.gateway), "--emulator-port", str(ports.emulator)),
        *("--postgres-port", str(ports.postgres), "--sample-port", str(ports.sample)),
    )


class TestLocal:
    def test_makes_the_dataset_of_the_demo_in_an_empty_folder(
        self, wheel: Path, pins: Path, tmp_path: Path
    ) -> None:
        folder = tmp_path / "folder"
        folder.mkdir()

        demo = subprocess.run(
            [
                *(UV, "tool", "run", "--quiet", "--python", sys.executable),
                *("--constraints", pins, "--from", f"crawlset[local] @ {wheel.as_uri()}"),
                *("crawlset", "demo", "--json", *port_options()),
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )

        assert demo.returncode == 0, demo.stderr
        report = json.loads(demo.stdout)
        assert [check["claim"] for check in report["checks"] if not check["holds"]] == []
        dataset = folder / "datasets/demo-1"
        assert report["n_images"] == 110
        assert len((dataset / "manifest.jsonl").read_text().splitlines()) == 163
        assert len([*dataset.glob("*/*/*.*")]) == 110
        assert {path.name for path in folder.iterdir()} == {".crawlset", "datasets"}
        logs = "".join(log.read_text() for log in folder.glob(".crawlset/logs/*"))
        assert str(ROOT) not in logs

    def test_runs_the_whole_system_until_it_is_interrupted(
        self, wheel: Path, pins: Path, tmp_path: Path
    ) -> None:
        bin_ = install(f"crawlset[local] @ {wheel.as_uri()}", tmp_path / "venv", pins)

        with subprocess.Popen(
            [bin_ / "crawlset", "up", *port_options()],
            cwd=tmp_path,
            env=BARE | {"HOME": str(tmp_path)},
            stdout=subprocess.PIPE,
            text=True,
        ) as up:
            assert up.stdout is not None
            said = list(iter(up.stdout.readline, "Press Ctrl-C to stop.\n"))
            up.send_signal(signal.SIGINT)

        profile = json.loads((tmp_path / ".crawlset/profile.json").read_text())
        assert up.returncode == 0
        assert any(profile["api_key"] in line for line in said)

    def test_has_a_kernel_for_every_linux(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            names = {Path(name).name for name in archive.namelist() if "/kernels/" in name}

        assert names == {f"{name}.so" for name in kernels.TARGETS if name.startswith("linux")}

    def test_has_metadata_that_the_index_takes(self, wheel: Path) -> None:
        checked = subprocess.run(
            [sys.executable, "-m", "twine", "check", "--strict", *wheel.parent.glob("crawlset-*")],
            capture_output=True,
            text=True,
            check=False,
        )

        assert checked.returncode == 0, checked.stdout
        assert checked.stdout.count("PASSED") == 2


class TestClient:
    """`pip install crawlset` alone."""

    def test_weighs_little(self, client: Path) -> None:
        (packages,) = client.parent.glob("lib/python*/site-packages")
        files = [path for path in packages.rglob("*") if path.is_file()]

        assert sum(f.stat().st_size for f in files if f.suffix != ".pyc") < MAX_CLIENT_BYTES
        assert not {"pydantic", "boto3", "PIL", "numpy"} & {p.name for p in packages.iterdir()}

    def test_starts_with_few_modules(self, client: Path, tmp_path: Path) -> None:
        """Their number says the same on every machine; `tests.bench.cold_start` has the time."""
        bare = modules(client / "python", "-c", "pass", cwd=tmp_path)

        imported = modules(client / "python", "-c", "import crawlset_client.api", cwd=tmp_path)
        helped = modules(client / "python", client / "crawlset", "--help", cwd=tmp_path)

        assert len(imported - bare) <= MAX_IMPORTED_MODULES
        assert len(helped - bare) <= MAX_MODULES_FOR_HELP
        assert not {"httpx._client", "ssl", "rich.console"} & (imported | helped)

    def test_says_its_version(self, client: Path, tmp_path: Path) -> None:
        said = run(client / "crawlset", "--version", cwd=tmp_path).stdout

        assert said == f"crawlset {version('crawlset')}\n"

    @pytest.mark.parametrize("command", ["up", "demo"])
    def test_says_how_to_have_the_laptop_as_well(
        self, client: Path, tmp_path: Path, command: str
    ) -> None:
        done = run(client / "crawlset", command, cwd=tmp_path)

        assert done.returncode == 1
        assert "pip install 'crawlset[local]'" in done.stderr
        assert "Traceback" not in done.stderr


def modules(python: Path, *arguments: str | Path, cwd: Path) -> set[str]:
    """The modules whose code the interpreter ran."""
    done = run(python, "-X", "importtime", *arguments, cwd=cwd)
    done.check_returncode()
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}
