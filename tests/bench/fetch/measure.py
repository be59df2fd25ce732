"""What a program and all its children cost: processor time, wall time, memory."""

import os
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import processes

_WATCH_SECONDS = 0.1
_TAIL = 2000


@dataclass(frozen=True)
class Sample:
    """One run of one contender, its start included."""

    n_images: int
    cpu_seconds: float
    """User and system time of the process and its children."""
    wall_seconds: float
    peak_mb: float
    """Resident memory of all processes together, at most."""


@contextmanager
def on_cores(cores: Iterable[int]) -> Iterator[None]:
    """What is started here runs on these cores alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(cores))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def run(
    argv: Sequence[str | Path],
    *,
    n_images: int,
    cores: Iterable[int],
    environment: Mapping[str, str],
    log: Path,
) -> Sample:
    """Run `argv` to its end on `cores`. Raises `SystemExit` with its last words if it fails."""
    with log.open("wb") as output, on_cores(cores):
        begin = time.monotonic()
        process = subprocess.Popen(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
        )
    watch = MemoryWatch(process.pid)
    try:
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        watch.stop()
        if process.returncode is None:
            process.kill()
            process.wait()
    if process.returncode:
        raise SystemExit(f"{argv[0]} failed:\n{log.read_text(errors='replace')[-_TAIL:]}")
    return Sample(n_images, usage.ru_utime + usage.ru_stime, seconds, watch.peak_mb)


class MemoryWatch:
    """Looks at a process and its descendants until it is stopped."""

    def __init__(self, pid: int) -> None:
        self.peak_mb = 0.0
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_WATCH_SECONDS):
            peaks = sum(processes.peak_mb(pid) for pid in processes.family(self._pid))
            self.peak_mb = max(self.peak_mb, peaks)
