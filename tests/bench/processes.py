"""What processes cost, read from /proc."""

import os
from collections.abc import Iterator
from pathlib import Path

from crawlset_local.cloud import LocalCloud

EMULATOR = "emulator"


def family(pid: int) -> Iterator[int]:
    """`pid` and its living descendants."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:
            continue
        for child in found:
            yield from family(int(child))


def cpu_seconds(pid: int) -> float:
    """User and system time of `pid` alone; 0 of a process that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid: int) -> float:
    """Megabytes that were resident at most; 0 of a process that is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    peaks = (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return next(peaks, 0) / 1024


def of_cloud(cloud: LocalCloud) -> Iterator[tuple[int, str]]:
    """The processes of the emulator, each with the function's name it runs, or `EMULATOR`."""
    port = str(cloud.ports.emulator).encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if port not in environment:
            continue
        names = (
            variable.split(b"=", 1)[1].decode()
            for variable in environment.split(b"\0")
            if variable.startswith(b"AWS_LAMBDA_FUNCTION_NAME=")
        )
        yield int(entry.name), next(names, EMULATOR)
