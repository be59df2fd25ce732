"""What each part of a running local cloud costs, and how long the machine's cores wait."""

import os
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from crawlset_local.cloud import LocalCloud
from tests.bench import processes

_WATCH_SECONDS = 0.2
DECODER = "decoder"


class Census:
    """Looks at every process of a cloud, which may end and be replaced at any time."""

    def __init__(self, cloud: LocalCloud, others: dict[str, int]) -> None:
        """`others` are processes beside the cloud, by the name to call them."""
        self.peak_mb: Counter[str] = Counter()
        """By part: resident memory of its processes at once, at most."""
        self._cloud = cloud
        self._others = others
        self._functions = {
            name: logical.removesuffix("Function").lower()
            for logical, name in cloud.stack.resources.items()
            if logical.endswith("Function")
        }
        self._seconds: dict[int, tuple[str, float]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def cpu_seconds(self) -> Counter[str]:
        """User and system time by part, since the cloud began."""
        self._look()
        sums: Counter[str] = Counter()
        for part, seconds in self._seconds.values():
            sums[part] += seconds
        return sums

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_WATCH_SECONDS):
            self._look()

    def _look(self) -> None:
        seen: dict[int, str] = {}
        for name, pid in (*self._cloud.pids.items(), *self._others.items()):
            seen |= dict.fromkeys(processes.family(pid), name)
        for pid, name in processes.of_cloud(self._cloud):
            if name == processes.EMULATOR:
                continue
            function = self._functions.get(name, name)
            seen |= dict.fromkeys(processes.family(pid), DECODER) | {pid: function}
        at_once: Counter[str] = Counter()
        for pid, part in seen.items():
            _, before = self._seconds.get(pid, (part, 0.0))
            self._seconds[pid] = (part, max(before, processes.cpu_seconds(pid)))
            at_once[part] += processes.peak_mb(pid)
        self.peak_mb |= at_once


def idle_seconds(cores: Iterable[int]) -> float:
    """How long these cores have had nothing to do since the machine began."""
    rows = {
        name: values
        for name, *values in (line.split() for line in Path("/proc/stat").read_text().splitlines())
    }
    ticks = sum(sum(map(int, rows[f"cpu{core}"][3:5])) for core in cores)
    return ticks / os.sysconf("SC_CLK_TCK")
