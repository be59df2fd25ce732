"""Our engine as the function that is deployed: jobs through the whole local cloud."""

import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crawlset_local.cloud import LocalCloud
from tests.bench import processes
from tests.bench.fetch.measure import Sample, on_cores
from tests.e2e.http_clients import Api
from tests.ports import free_ports

JOB_SECONDS = 180
_WATCH_SECONDS = 0.2


class Deployed:
    """Crawls lists of URLs, and counts the time of the fetch function's processes alone."""

    def __init__(self, api: Api, watch: "_Watch") -> None:
        self._api = api
        self._watch = watch

    def crawl(self, urls: list[str]) -> Sample:
        """The wall clock is the job's, from its creation until every image has its row."""
        before = self._watch.cpu_seconds()
        begin = time.monotonic()
        job = self._api.wait_for_job(self._api.create_job(sources=["urls"], urls=urls), JOB_SECONDS)
        seconds = time.monotonic() - begin
        progress = job["progress"]
        if progress["stored"] + progress["duplicate"] != len(urls):
            raise SystemExit(f"The job ended with {job['outcomes']}: {job['error_message']}")
        cpu_seconds = self._watch.cpu_seconds() - before
        return Sample(len(urls), cpu_seconds, seconds, self._watch.peak_mb)


@contextmanager
def cloud(hosts: Iterable[str], cores: Iterable[int]) -> Iterator[LocalCloud]:
    """A local cloud of its own that may ask `hosts`, each as `host:port`."""
    with tempfile.TemporaryDirectory() as directory:
        made = LocalCloud(
            Path(directory) / "home",
            free_ports(),
            parameters={"AllowedPrivateHosts": ",".join(hosts)},
            with_sample_site=False,
        )
        with on_cores(cores):
            made.start()
        try:
            yield made
        finally:
            made.stop()
            made.erase()


@contextmanager
def deployed(hosts: Iterable[str], cores: Iterable[int]) -> Iterator[Deployed]:
    """A local cloud of its own whose fetch function is watched."""
    with cloud(hosts, cores) as made, Api.of(made) as api:
        watch = _Watch(made)
        try:
            yield Deployed(api, watch)
        finally:
            watch.stop()


class _Watch:
    """Looks at the fetch function's processes, which may end and be replaced at any time."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.peak_mb = 0.0
        """Of one function and its children together."""
        self._cloud = cloud
        self._function = cloud.stack.resources["FetchFunction"]
        self._seconds: dict[int, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def cpu_seconds(self) -> float:
        self._look()
        return sum(self._seconds.values())

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_WATCH_SECONDS):
            self._look()

    def _look(self) -> None:
        for function, name in processes.of_cloud(self._cloud):
            if name != self._function:
                continue
            peak_mb = 0.0
            for pid in processes.family(function):
                spent = processes.cpu_seconds(pid)
                self._seconds[pid] = max(spent, self._seconds.get(pid, 0.0))
                peak_mb += processes.peak_mb(pid)
            self.peak_mb = max(self.peak_mb, peak_mb)
