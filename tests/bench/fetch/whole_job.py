"""
The whole job as a user meets it, from a list of URLs to rows, against img2dataset.

`python -m tests.bench.fetch.whole_job [--rounds 3] [--images 5000] [--only http,slow]`. Everything
is on the same two cores, the server too: the laptop's cloud with its database and emulator on the
one side, img2dataset with a process for each core on the other, in turn. The one host of `slow` is
owned: both ask it for 64 at once, or ours for `--per-host`, or with 0 like any other.
"""

import argparse
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tests.bench.fetch import deployed, runner
from tests.bench.fetch.census import Census, idle_seconds
from tests.bench.fetch.workloads import BOTH, Contender, Program, Workload
from tests.e2e.http_clients import Api

JOB_SECONDS = 600
N_THREADS = 32
OURS = Contender(Program.deployed, 1, 1, cores=BOTH, server_cores=BOTH)
THEIRS = Contender(Program.theirs, 1, 1, cores=BOTH, server_cores=BOTH)
WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("http", "HTTP, 64 hosts", (OURS, THEIRS), n_hosts=64),
        Workload("slow", "HTTP, one host, 200 ms", (OURS, THEIRS), latency_seconds=0.2),
    )
}


@dataclass
class Run:
    n_images: int
    seconds: float
    cpu_seconds: dict[str, float]
    """By part of the cloud."""
    idle: float = 0.0
    """Share of the cores' time in which they had nothing to do."""


class Job:
    """Crawls lists with a local cloud of its own."""

    def __init__(self, api: Api, census: Census, per_host: dict[str, int]) -> None:
        self._api = api
        self._census = census
        self._per_host = per_host

    def crawl(self, urls: list[str]) -> Run:
        upload_id = self._api.upload("\n".join(urls).encode())
        before, idle, begin = self._census.cpu_seconds(), idle_seconds(BOTH), time.monotonic()
        job_id = self._api.create_job(
            sources=["urls"], upload_id=upload_id, per_host=self._per_host
        )
        job = self._api.wait_for_job(job_id, JOB_SECONDS)
        seconds = time.monotonic() - begin
        progress = job["progress"]
        if progress["stored"] + progress["duplicate"] != len(urls):
            raise SystemExit(f"The job ended with {job['outcomes']}: {job['error_message']}")
        after = self._census.cpu_seconds()
        spent = {part: value - before.get(part, 0) for part, value in after.items()}
        waited = (idle_seconds(BOTH) - idle) / (len(BOTH) * seconds)
        return Run(len(urls), seconds, spent, waited)


@contextmanager
def cloud_of(arena: runner.Arena, per_host: dict[str, int]) -> Iterator[Job]:
    hosts = [f"{address}:{arena.port}" for address in arena.workload.addresses]
    with deployed.cloud(hosts, BOTH, [*per_host]) as cloud, Api.of(cloud) as api:
        census = Census(cloud, {"server": arena.server})
        try:
            yield Job(api, census, per_host)
        finally:
            census.stop()


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.fetch.whole_job")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--only", default=",".join(WORKLOADS))
    parser.add_argument("--per-host", type=int, default=2 * N_THREADS)
    options = parser.parse_args(argv)
    console = Console()
    runner.prepare(lambda: None)
    for name in options.only.split(","):
        workload = WORKLOADS[name]
        is_owned = workload.n_hosts == 1 and options.per_host
        per_host = dict.fromkeys(workload.addresses, options.per_host) if is_owned else {}
        with runner.arena(workload) as arena, cloud_of(arena, per_host) as job:
            job.crawl(workload.urls(20, arena.port))
            ours, theirs = [], []
            for _ in range(options.rounds):
                ours.append(job.crawl(workload.urls(options.images, arena.port)))
                sample = arena.run(THEIRS, options.images, N_THREADS)
                theirs.append(
                    Run(sample.n_images, sample.wall_seconds, {"all": sample.cpu_seconds})
                )
                console.print(f"{name}: {ours[-1]}\n  theirs {theirs[-1]}")
        console.print(table(workload.title, ours, theirs))


def table(title: str, ours: list[Run], theirs: list[Run]) -> Table:
    shown = Table("", "Crawlset", "img2dataset", title=title)
    speed = [
        statistics.median(run.n_images / run.seconds for run in runs) for runs in (ours, theirs)
    ]
    ratio = statistics.median(t.seconds / o.seconds for o, t in zip(ours, theirs, strict=True))
    shown.add_row("images/s by the clock", *(f"{value:.0f}" for value in speed))
    shown.add_row("ratio", f"{ratio:.2f}", "")
    parts: defaultdict[str, float] = defaultdict(float)
    for run in ours:
        for part, seconds in run.cpu_seconds.items():
            parts[part] += seconds
    n = sum(run.n_images for run in ours)
    for part, seconds in sorted(parts.items(), key=lambda part: -part[1]):
        shown.add_row(f"{part}, CPU ms an image", f"{1000 * seconds / n:.2f}", "")
    cpu = [
        1000 * statistics.median(sum(r.cpu_seconds.values()) / r.n_images for r in rs)
        for rs in (ours, theirs)
    ]
    shown.add_row("all, CPU ms an image", *(f"{value:.2f}" for value in cpu))
    shown.add_row("cores idle", f"{statistics.median(run.idle for run in ours):.0%}", "")
    return shown


if __name__ == "__main__":
    main(sys.argv[1:])
