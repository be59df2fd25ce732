"""Crawl jobs of a local cloud, and what they cost by process."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg

from crawlset_local.cloud import LocalCloud
from tests.bench.fetch import deployed, runner
from tests.bench.fetch.census import Census, idle_seconds
from tests.bench.fetch.workloads import BOTH
from tests.bench.whole_job.results import SERVER, Run
from tests.e2e.http_clients import FINAL, Api

LOOK_SECONDS = 1.0
LEAST_IMAGES_PER_SECOND = 20
SPARE_SECONDS = 600
N_WARM_UP = 20
FIRST_OF_WARM_UP = 100_000_000
"""A number of pictures that no run asks for."""


class Meter:
    """Counts what a local cloud costs from here on."""

    def __init__(self, census: Census) -> None:
        self._census = census
        self._before = census.cpu_seconds()
        self._idle = idle_seconds(BOTH)
        self._begin = time.time()

    def run(self, n_images: int, end: float, facts: dict[str, float] | None = None) -> Run:
        """What it was until `end`, which is not long ago."""
        waited = (idle_seconds(BOTH) - self._idle) / (len(BOTH) * (time.time() - self._begin))
        spent = {
            part: value - self._before.get(part, 0.0)
            for part, value in self._census.cpu_seconds().items()
        }
        peak_mb = dict(self._census.peak_mb)
        return Run(n_images, end - self._begin, spent, waited, peak_mb, facts or {})


class Crawler:
    """Crawls lists with a local cloud of its own."""

    def __init__(
        self, cloud: LocalCloud, api: Api, census: Census, per_host: dict[str, int]
    ) -> None:
        self._per_host = per_host
        self.cloud = cloud
        self.census = census
        self._api = api

    def crawl(self, urls: list[str], heard: Callable[[int], None] = lambda _: None) -> Run:
        """
        From the upload of the list until each URL has its row; `heard` is told how many have.

        Raises `SystemExit` if pictures are missing.
        """
        meter = Meter(self.census)
        upload_id = self._api.upload("\n".join(urls).encode())
        job_id = self._api.create_job(
            sources=["urls"], upload_id=upload_id, per_host=self._per_host
        )
        job = self._wait(job_id, SPARE_SECONDS + len(urls) / LEAST_IMAGES_PER_SECOND, heard)
        run = meter.run(
            len(urls),
            datetime.fromisoformat(job["finished_at"]).timestamp(),
            {
                "candidates": job["progress"]["candidates"],
                "outcomes": sum(job["outcomes"].values()),
                "stored": job["progress"]["stored"],
                "database_mb": self._database_mb(),
            },
        )
        if run.facts["stored"] != len(urls):
            raise SystemExit(f"The job ended with {job['outcomes']}: {job['error_message']}")
        return run

    def _wait(self, job_id: str, seconds: float, heard: Callable[[int], None]) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            job = self._api.job(job_id)
            progress = job["progress"]
            heard(progress["candidates"] - progress["pending"])
            if job["status"] in FINAL:
                return job
            if time.monotonic() > deadline:
                raise SystemExit(f"The job does not end: {progress}")
            time.sleep(LOOK_SECONDS)

    def _database_mb(self) -> float:
        with psycopg.connect(str(self.cloud.database_url)) as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert row is not None
        return float(row[0]) / 1e6


@contextmanager
def crawler(arena: runner.Arena, n_per_host: int = 0) -> Iterator[Crawler]:
    """
    A cloud on both cores, as the server is, which has crawled a few pictures already.

    With `n_per_host` it owns the hosts, and asks each for so many at once.
    """
    per_host = dict.fromkeys(arena.workload.addresses, n_per_host) if n_per_host else {}
    hosts = [f"{address}:{arena.port}" for address in arena.workload.addresses]
    with deployed.cloud(hosts, BOTH, arena.bundle, [*per_host]) as cloud, Api.of(cloud) as api:
        census = Census(cloud, {SERVER: arena.server})
        try:
            made = Crawler(cloud, api, census, per_host)
            made.crawl(arena.workload.urls(N_WARM_UP, arena.port, first=FIRST_OF_WARM_UP))
            yield made
        finally:
            census.stop()
