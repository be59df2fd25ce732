"""What is left of a killed process, and when nothing is."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawlset_local import processes
from crawlset_local.ports import require_free
from crawlset_local.processes import Child, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

SERVER = """
import socket, subprocess, sys, threading
listener = socket.create_server(("127.0.0.1", 0))
memory = bytearray(b"x") * (200 << 20)
for _ in range(100):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
follower = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
print(listener.getsockname()[1], follower.pid, flush=True)
threading.Event().wait()
"""
"""A process of many threads, as the emulator is, that listens and has started another."""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = tmp_path / "run"
    run.mkdir()
    return run


@pytest.fixture
def child(run: Path, tmp_path: Path) -> Iterator[Child]:
    child = processes.spawn(
        "server",
        [sys.executable, "-c", SERVER],
        run=run,
        log=tmp_path / "log",
        environment=processes.clean_environment(),
    )
    assert wait_until(lambda: len(child.log.read_text().split()) == 2, 60)
    yield child
    processes.stop(child)


def port_of(child: Child) -> int:
    return int(child.log.read_text().split()[0])


def follower_of(child: Child) -> int:
    return int(child.log.read_text().split()[1])


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}


class TestStopRecorded:
    def test_returns_once_a_killed_process_has_given_up_its_port(
        self, child: Child, run: Path
    ) -> None:
        os.kill(child.process.pid, signal.SIGKILL)

        assert processes.stop_recorded("server", run)

        require_free(port_of(child), "--port")

    def test_ends_what_a_killed_process_had_started(self, child: Child, run: Path) -> None:
        os.kill(child.process.pid, signal.SIGKILL)
        child.process.wait()

        assert processes.stop_recorded("server", run)

        assert not is_alive(follower_of(child))

    def test_says_that_nothing_was_left(self, run: Path) -> None:
        assert not processes.stop_recorded("server", run)


class TestStop:
    def test_returns_once_everything_it_started_is_gone(self, child: Child) -> None:
        processes.stop(child)

        assert not is_alive(follower_of(child))
        require_free(port_of(child), "--port")
