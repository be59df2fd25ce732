"""Lists that are made to fill a memory: what they take of it, and of time, in real processes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.infra.stack import ROOT, of_type
from tests.unit.sources.bombs import BOMBS

MEMORY_SHARE = 0.7
API_CPU_SECONDS = 3
DISCOVER_CPU_SECONDS = 100
"""Of the 300 that `discover` has, on a processor that may be slower than Lambda's."""
READABLE = {
    "999 cells in every row",
    "a cell of 50 million items",
    "a line of occurrences of 1 GiB",
    "a quote that opens in every long line",
    "a row group a row",
    "empty gzip members",
    "lines of wide letters",
    "row groups far apart",
    "zeros behind gzip",
    "two million rows",
}
"""What is a nuisance, and yet a list."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bombs")
    for name, (format_, make) in BOMBS.items():
        (folder / f"{name}.{format_}").write_bytes(make())
    return folder


def defuse(folder: Path, function: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.sources.defuse", str(folder), function],
        cwd=ROOT,
        env={**os.environ, "POWERTOOLS_LOG_LEVEL": "CRITICAL"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def memory_size(function: str) -> int:
    size: int = of_type("AWS::Lambda::Function")[function]["MemorySize"]
    return size


def test_fill_no_memory_of_the_api(folder: Path) -> None:
    taken = defuse(folder, "api")

    assert len(taken) == len(BOMBS) >= 20
    assert max(bomb["mib"] for bomb in taken) < MEMORY_SHARE * memory_size("ApiFunction")
    assert max(bomb["cpu_seconds"] for bomb in taken) < API_CPU_SECONDS
    assert max(bomb["mib_of_children"] for bomb in taken) == 0


def test_fill_no_memory_of_discover(folder: Path) -> None:
    taken = defuse(folder, "discover")

    peak = max(bomb["mib"] for bomb in taken) + max(bomb["mib_of_children"] for bomb in taken)
    assert peak < MEMORY_SHARE * memory_size("DiscoverFunction")
    assert max(bomb["cpu_seconds"] for bomb in taken) < DISCOVER_CPU_SECONDS
    assert {bomb["name"] for bomb in taken if bomb["error"] is None} <= READABLE
    assert not [bomb for bomb in taken if "nobody thought" in (bomb["error"] or "")]
