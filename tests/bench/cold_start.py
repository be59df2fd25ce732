"""
How much processor time a fetch takes to import, as in a new environment of Lambda, and the client.

`python -m tests.bench.cold_start [RUNS]` (7 unless said). A fresh interpreter each time, without
`site`; the files are in the page cache, as they are not in Lambda the first time.
"""

import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
MODULE = "functions.fetch.app"
CLIENT = "crawlset_client.api"
PARTS = ("layers/core", "client")
CLOCK = "import time; begin = time.process_time(); import {}; print(time.process_time() - begin)"


def import_ms(module: str = MODULE, *, runs: int = 7, with_bytecode: bool = True) -> list[float]:
    """Milliseconds of processor time over a bare interpreter, one for each run."""
    with tempfile.TemporaryDirectory() as empty:
        environment = {
            "PYTHONPATH": os.pathsep.join(
                [str(ROOT), *(str(ROOT / part) for part in PARTS), sysconfig.get_path("platlib")]
            ),
            "POWERTOOLS_SERVICE_NAME": "bench",
            "POWERTOOLS_METRICS_NAMESPACE": "bench",
        }
        if not with_bytecode:
            environment |= {"PYTHONPYCACHEPREFIX": empty, "PYTHONDONTWRITEBYTECODE": "1"}
        return [1000 * _import_seconds(module, environment) for _ in range(runs + 1)][1:]


def _import_seconds(module: str, environment: dict[str, str]) -> float:
    done = subprocess.run(
        [sys.executable, "-S", "-c", CLOCK.format(module)],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return float(done.stdout)


def main(runs: int) -> None:
    table = Table("import", "bytecode", "median", "least", "most")
    for module in (MODULE, CLIENT, "obstore.store", "boto3"):
        for with_bytecode in (True, False):
            taken = import_ms(module, runs=runs, with_bytecode=with_bytecode)
            figures = (statistics.median(taken), min(taken), max(taken))
            table.add_row(module, str(with_bytecode), *(f"{ms:.0f} ms" for ms in figures))
    Console().print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
