"""What the README shows is what a run prints."""

import re
import subprocess
import sys
from pathlib import Path

from crawlset_local.cloud import LocalCloud
from tests.ports import free_ports

ROOT = Path(__file__).parents[2]
CRAWLSET = Path(sys.executable).with_name("crawlset")


def test_shows_the_end_of_the_demo(tmp_path: Path) -> None:
    ports = free_ports()
    shown = re.search(
        r"```text\n(.*?)\n```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert shown is not None

    demo = subprocess.run(
        [
            *(str(CRAWLSET), "demo", "--home", str(tmp_path / "home")),
            *("--datasets", str(tmp_path / "datasets")),
            *("--port", str(ports.gateway), "--emulator-port", str(ports.emulator)),
            *("--postgres-port", str(ports.postgres), "--sample-port", str(ports.sample)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    LocalCloud(tmp_path / "home", ports).erase()

    assert demo.returncode == 0, demo.stderr
    printed = {line.strip() for line in demo.stdout.splitlines()}
    *lines, _ = shown[1].splitlines()
    assert {line.strip() for line in lines} <= printed
    assert f"110 images in {tmp_path / 'datasets' / 'demo-1'}" in demo.stdout.replace("\n", "")
