"""
How long the local cloud takes to plan a long list: rows, chunks, messages.

`python -m tests.bench.plan_manifest [LINES] [FILES]` (10,000,000 lines in 10 files unless said, as
one job). Fetching is switched off, so that the time is planning's alone. Prints seconds, and the
memory and the CPU time of each process. The longest that it waits is an hour.
"""

import sys
import tempfile
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from crawlset_local.cloud import LocalCloud
from tests.bench import processes
from tests.e2e.http_clients import Api
from tests.ports import free_ports

N_HOSTS = 50_000
CHUNK_URLS = 500
TIMEOUT_SECONDS = 3_600


def main(n_lines: int, n_files: int) -> None:
    console = Console()
    with tempfile.TemporaryDirectory() as directory:
        cloud = LocalCloud(Path(directory) / "home", free_ports(), with_sample_site=False)
        with cloud:
            seconds, memory, cpu = plan(cloud, n_lines, n_files, console)
        cloud.erase()
    console.print(
        f"{n_lines:,} lines in {n_files} files planned in {seconds:.1f} s"
        f" ({n_lines / seconds:,.0f} lines/s)"
    )
    for name, peak in sorted(memory.items(), key=lambda item: -item[1]):
        console.print(f"  {name}: {peak} MB at most, {cpu[name]:.0f} s of CPU")


def plan(
    cloud: LocalCloud, n_lines: int, n_files: int, console: Console
) -> tuple[float, dict[str, int], defaultdict[str, float]]:
    stop_fetching(cloud)
    with Api.of(cloud) as api, Progress(console=console, transient=True) as progress:
        ends = [n_lines * number // n_files for number in range(n_files + 1)]
        lists = [
            {"upload_id": api.upload(manifest(*lines)), "name": f"{number:03d}.txt"}
            for number, lines in enumerate(pairwise(ends))
        ]
        task = progress.add_task("planning", total=n_lines)
        begin = time.monotonic()
        job_id = api.create_job(sources=["urls"], lists=lists)
        while True:
            job = api.job(job_id)
            n_queued = job["chunks"]["queued"]
            progress.update(task, completed=min(n_lines, n_queued * CHUNK_URLS))
            is_planned = job["searches"][0]["status"] == "completed"
            if is_planned and n_queued == job["chunks"]["total"]:
                break
            if job["status"] == "failed" or time.monotonic() - begin > TIMEOUT_SECONDS:
                raise SystemExit(f"The job did not get planned: {job}")
            time.sleep(0.5)
        seconds = time.monotonic() - begin
        if job["progress"]["candidates"] != n_lines:
            raise SystemExit(f"{job['progress']['candidates']} candidates, not {n_lines}")
        return seconds, peak_memory(cloud), cpu_time(cloud)


def stop_fetching(cloud: LocalCloud) -> None:
    client = cloud.client("lambda")
    function = cloud.stack.resources["FetchFunction"]
    for mapping in client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)


def manifest(first: int, end: int) -> bytes:
    """URLs of many hosts, none of which is asked."""
    return b"".join(
        b"https://host%d.example.org/images/%08d.jpg\n" % (n * 7_919 % N_HOSTS, n)
        for n in range(first, end)
    )


def peak_memory(cloud: LocalCloud) -> dict[str, int]:
    """Megabytes that each function's process and the emulator have held at most."""
    peaks: dict[str, int] = {}
    for pid, name in processes.of_cloud(cloud):
        peaks[name] = max(peaks.get(name, 0), round(processes.peak_mb(pid)))
    return peaks


def cpu_time(cloud: LocalCloud) -> defaultdict[str, float]:
    """Seconds that the processes living now have used, by name; a function's may be several."""
    used: defaultdict[str, float] = defaultdict(float)
    for pid, name in processes.of_cloud(cloud):
        used[name] += processes.cpu_seconds(pid)
    return used


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000,
        int(sys.argv[2]) if len(sys.argv) > 2 else 10,
    )
