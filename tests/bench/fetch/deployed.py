"""Our engine as the function that is deployed: jobs through the whole local cloud."""

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from crawlset_local.cloud import LocalCloud
from tests.bench.fetch.census import DECODER, Census
from tests.bench.fetch.measure import Sample, on_cores
from tests.e2e.http_clients import Api
from tests.ports import free_ports

JOB_SECONDS = 180
FETCHING = ("fetch", DECODER)
"""Parts of a cloud that fetch."""


class Deployed:
    """Crawls lists of URLs, and counts the time of the fetch function's processes alone."""

    def __init__(self, api: Api, census: Census) -> None:
        self._api = api
        self._census = census

    def crawl(self, urls: list[str]) -> Sample:
        """The wall clock is the job's, from its creation until every image has its row."""
        before = self._cpu_seconds()
        begin = time.monotonic()
        job = self._api.wait_for_job(self._api.create_job(sources=["urls"], urls=urls), JOB_SECONDS)
        seconds = time.monotonic() - begin
        progress = job["progress"]
        if progress["stored"] + progress["duplicate"] != len(urls):
            raise SystemExit(f"The job ended with {job['outcomes']}: {job['error_message']}")
        cpu_seconds = self._cpu_seconds() - before
        peak_mb = sum(self._census.peak_mb[part] for part in FETCHING)
        return Sample(len(urls), cpu_seconds, seconds, peak_mb)

    def _cpu_seconds(self) -> float:
        spent = self._census.cpu_seconds()
        return sum(spent.get(part, 0.0) for part in FETCHING)


@contextmanager
def cloud(
    hosts: Iterable[str],
    cores: Iterable[int],
    bundle: Path | None,
    owned_hosts: Sequence[str] = (),
) -> Iterator[LocalCloud]:
    """
    A local cloud of its own that may ask `hosts`, each as `host:port`, and trusts `bundle`.

    The `owned_hosts`, without ports, may be asked for more at once than others.
    """
    trusted = {"SSL_CERT_FILE": str(bundle)} if bundle is not None else {}
    with tempfile.TemporaryDirectory() as directory:
        made = LocalCloud(
            Path(directory) / "home",
            free_ports(),
            parameters={"AllowedPrivateHosts": ",".join(hosts)},
            with_sample_site=False,
            owned_hosts=owned_hosts,
        )
        with on_cores(cores), patch.dict(os.environ, trusted):
            made.start()
        try:
            yield made
        finally:
            made.stop()
            made.erase()


@contextmanager
def deployed(hosts: Iterable[str], cores: Iterable[int], bundle: Path | None) -> Iterator[Deployed]:
    """A local cloud of its own whose fetch function is watched."""
    with cloud(hosts, cores, bundle) as made, Api.of(made) as api:
        census = Census(made, {})
        try:
            yield Deployed(api, census)
        finally:
            census.stop()
