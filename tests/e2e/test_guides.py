"""What the guides tell a reader to run, runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

from crawlset_local.cloud import LocalCloud
from tests.e2e.http_clients import PATIENCE

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> str:
    """The page's blocks of a language, as one program."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))


def run(command: list[str], cloud: LocalCloud, directory: Path) -> str:
    finished = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=180 * PATIENCE,
        check=False,
        cwd=directory,
        env=os.environ
        | {
            "CRAWLSET_API_URL": cloud.api_url,
            "CRAWLSET_API_KEY": cloud.api_key,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def run_shell(page: str, cloud: LocalCloud, directory: Path) -> str:
    return run(["bash", "-euo", "pipefail", "-c", blocks(page, "sh")], cloud, directory)


def test_api_by_curl(cloud: LocalCloud, tmp_path: Path) -> None:
    printed = run_shell("api.md", cloud, tmp_path)

    assert '"stored"' in printed
    assert '"NotFoundError"' in printed


def test_api_in_python(cloud: LocalCloud, tmp_path: Path) -> None:
    printed = run([sys.executable, "-c", blocks("api.md", "python")], cloud, tmp_path)

    assert "crawl_job.completed" in printed
    assert "404 NotFoundError" in printed
    assert "of its thumbnail" in printed
    assert [*tmp_path.iterdir()] == []


def test_migration_from_datasets(cloud: LocalCloud, tmp_path: Path) -> None:
    printed = run_shell("migration-from-datasets.md", cloud, tmp_path)

    assert "deprecation: @" in printed.lower()
    assert "2 datasets moved" in printed
    assert "0 datasets moved" in printed
    assert printed.count('"outcome":"migrated"') == 2
