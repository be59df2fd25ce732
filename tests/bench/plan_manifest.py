"""
How long the local cloud takes to plan a long manifest: rows, chunks, messages.

`python -m tests.bench.plan_manifest [LINES]` (1,000,000 unless said). Fetching is switched off, so
that the time is planning's alone. Prints seconds and the memory of each process.
"""

import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from crawlset_local.cloud import LocalCloud
from tests.bench import processes
from tests.e2e.http_clients import Api
from tests.ports import free_ports

N_HOSTS = 50_000
CHUNK_URLS = 500
TIMEOUT_SECONDS = 900


def main(n_lines: int) -> None:
    console = Console()
    with tempfile.TemporaryDirectory() as directory:
        cloud = LocalCloud(Path(directory) / "home", free_ports(), with_sample_site=False)
        with cloud:
            seconds, memory = plan(cloud, n_lines, console)
        cloud.erase()
    console.print(
        f"{n_lines:,} lines planned in {seconds:.1f} s ({n_lines / seconds:,.0f} lines/s)"
    )
    for name, peak in sorted(memory.items(), key=lambda item: -item[1]):
        console.print(f"  {name}: {peak} MB at most")


def plan(cloud: LocalCloud, n_lines: int, console: Console) -> tuple[float, dict[str, int]]:
    stop_fetching(cloud)
    with Api.of(cloud) as api, Progress(console=console, transient=True) as progress:
        upload_id = api.upload(manifest(n_lines))
        task = progress.add_task("planning", total=n_lines)
        begin = time.monotonic()
        job_id = api.create_job(sources=["urls"], upload_id=upload_id)
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
        return seconds, peak_memory(cloud)


def stop_fetching(cloud: LocalCloud) -> None:
    client = cloud.client("lambda")
    function = cloud.stack.resources["FetchFunction"]
    for mapping in client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)


def manifest(n_lines: int) -> bytes:
    """URLs of many hosts, none of which is asked."""
    return b"".join(
        b"https://host%d.example.org/images/%08d.jpg\n" % (n * 7_919 % N_HOSTS, n)
        for n in range(n_lines)
    )


def peak_memory(cloud: LocalCloud) -> dict[str, int]:
    """Megabytes that each function's process and the emulator have held at most."""
    peaks: dict[str, int] = {}
    for pid, name in processes.of_cloud(cloud):
        peaks[name] = max(peaks.get(name, 0), round(processes.peak_mb(pid)))
    return peaks


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
