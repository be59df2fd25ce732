"""
How long `crawlset up` takes to the first answer: on an empty home, and on one that was used.

`python -m tests.bench.start [RUNS]` (3 warm ones unless said), each until `/api/health` answers.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from rich.console import Console

from crawlset_local.ports import LOOPBACK, Ports
from crawlset_local.processes import wait_until
from tests.bench import figures
from tests.ports import free_ports

RUNS = 3
PATIENCE_SECONDS = 600


def seconds_to_an_answer(home: Path, ports: Ports) -> float:
    begin = time.monotonic()
    process = subprocess.Popen(
        [
            *(Path(sys.executable).with_name("crawlset"), "up", "--home", home, "--quiet"),
            *("--port", str(ports.gateway), "--emulator-port", str(ports.emulator)),
            *("--postgres-port", str(ports.postgres), "--sample-port", str(ports.sample)),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    try:
        with httpx.Client(base_url=f"http://{LOOPBACK}:{ports.gateway}") as client:
            if not wait_until(lambda: _answers(client), PATIENCE_SECONDS, every=0.02):
                raise SystemExit("crawlset up does not answer.")
            return time.monotonic() - begin
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/api/health").is_success
    except httpx.TransportError:
        return False


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        home, ports = Path(directory) / "home", free_ports()
        cold, *warm = (seconds_to_an_answer(home, ports) for _ in range(1 + runs))
    figures.keep("start", {"up_seconds": warm})
    said = ", ".join(f"{seconds:.1f}" for seconds in warm)
    Console().print(f"crawlset up: {cold:.1f} s on an empty home, then {said} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
