"""What docs/api.md tells a reader to run, runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

from crawlset_local.cloud import LocalCloud

GUIDE = (Path(__file__).parents[2] / "docs/api.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


def run(command: list[str], cloud: LocalCloud) -> str:
    finished = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env=os.environ | {"CRAWLSET_URL": cloud.api_url, "CRAWLSET_KEY": cloud.api_key},
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_shell_commands(cloud: LocalCloud) -> None:
    printed = run(["bash", "-euo", "pipefail", "-c", "\n".join(blocks("sh"))], cloud)

    assert '"stored"' in printed
    assert '"NotFoundError"' in printed


def test_python(cloud: LocalCloud) -> None:
    printed = run([sys.executable, "-c", "\n".join(blocks("python"))], cloud)

    assert len(printed.splitlines()) > 3
