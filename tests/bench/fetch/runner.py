"""Starts the server of a workload, and runs contenders against it."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from crawlset_local.ports import LOOPBACK, is_listening
from crawlset_local.processes import wait_until
from tests.bench.fetch import authority, floor, img2dataset, library, measure, pictures
from tests.bench.fetch.deployed import Deployed, deployed
from tests.bench.fetch.measure import Sample
from tests.bench.fetch.results import Pair
from tests.bench.fetch.server import Config
from tests.bench.fetch.workloads import BOTH, Contender, Program, Workload

ROOT = Path(__file__).resolve().parents[3]
HOME = ROOT / ".bench"
"""Pictures, certificates, img2dataset's environment and results: what the next run can use."""
LOG = HOME / "last-run.log"
N_LARGE = 500
_LARGE_HOSTS = 16
_LARGE_SPARE = 100
_MEMORY = Path("/dev/shm")
_LISTEN_SECONDS = 60
_WARM_UP = 20
_TRIAL_THREADS = 64


class Arena:
    """A running server and a place, `scratch`, for what contenders write."""

    def __init__(self, workload: Workload, port: int, server: int, scratch: Path) -> None:
        self.workload = workload
        self.port = port
        self.server = server
        self.scratch = scratch
        self.bundle = HOME / "certificates" / authority.BUNDLE if workload.is_tls else None
        self.command = HOME / "img2dataset" / "bin" / "img2dataset"
        self._stack = ExitStack()
        self._deployed: Deployed | None = None

    def close(self) -> None:
        self._stack.close()

    def pair(self, contender: Contender, n_images: int, n_threads: int) -> Pair:
        few, many = (round(n_images * share) for share in (contender.few, contender.many))
        return Pair(self.run(contender, few, n_threads), self.run(contender, many, n_threads))

    def best_threads(self, contender: Contender, n_images: int) -> int:
        """The number of threads with which img2dataset costs least."""
        n = round(n_images * contender.few)
        cost = {k: self.run(contender, n, k).cpu_seconds for k in img2dataset.THREADS}
        return min(cost, key=cost.__getitem__)

    def warm_up(self, contender: Contender) -> None:
        """So that no first round pays for cold files."""
        self.run(contender, _WARM_UP, _TRIAL_THREADS)

    def run(self, contender: Contender, n_images: int, n_threads: int) -> Sample:
        os.sched_setaffinity(self.server, contender.server_cores)
        urls = self.workload.urls(n_images, self.port)
        if contender.program == Program.deployed:
            return self._deploy().crawl(urls)
        listed = self.scratch / "urls.txt"
        listed.write_text("\n".join(urls) + "\n")
        with fresh(self.scratch / "out") as out:
            sample = measure.run(
                self._argv(contender, listed, out, n_threads),
                n_images=n_images,
                cores=contender.cores,
                environment=self._environment(contender),
                log=LOG,
            )
            if contender.program == Program.ours:
                n_stored = library.outcomes(LOG.read_text()).get("stored", 0)
            elif contender.program == Program.theirs:
                n_stored = img2dataset.n_stored(out)
            else:
                n_stored = n_images
            if n_stored != n_images:
                raise SystemExit(f"{contender.label} stored {n_stored} of {n_images}: {LOG}")
        return sample

    def _argv(
        self, contender: Contender, urls: Path, out: Path, n_threads: int
    ) -> list[str | Path]:
        workload = self.workload
        n_cores = len(contender.cores)
        bundle = str(self.bundle) if self.bundle is not None else None
        if contender.program == Program.theirs:
            return img2dataset.argv(
                self.command,
                urls,
                out,
                n_processes=n_cores,
                n_threads=n_threads,
                resize=workload.resize,
            )
        if contender.program == Program.ours:
            ours = library.Config(
                str(urls), str(out), n_cores, workload.n_per_host, bundle, workload.resize
            )
            return [sys.executable, "-m", library.__name__, ours.argument()]
        steps = floor.STEPS if contender.program == Program.floor else ()
        return [
            sys.executable,
            floor.__file__,
            floor.Config(str(urls), str(out), bundle, steps).argument(),
        ]

    def _environment(self, contender: Contender) -> dict[str, str]:
        if contender.program == Program.theirs:
            return img2dataset.variables(self.scratch, self.bundle)
        return dict(os.environ)

    def _deploy(self) -> Deployed:
        if self._deployed is None:
            hosts = [f"{address}:{self.port}" for address in self.workload.addresses]
            self._deployed = self._stack.enter_context(deployed(hosts, BOTH, self.bundle))
        return self._deployed


@contextmanager
def arena(workload: Workload) -> Iterator[Arena]:
    if workload.is_tls:
        authority.certify(HOME / "certificates", workload.addresses)
    with scratch() as directory, _serving(workload) as (port, server):
        place = Arena(workload, port, server, directory)
        try:
            yield place
        finally:
            place.close()


def large_chunk(n: int) -> tuple[Sample, int]:
    """
    A chunk of pictures as large as we take, two decoders, everything on two cores.

    Also how many were stored: a slow disk keeps transfers waiting until they count as too slow.
    """
    pictures.large_picture(HOME / "large.jpg")
    workload = Workload("large", "", (), n_hosts=_LARGE_HOSTS)
    hosts = workload.addresses
    with _serving(workload) as (port, _), fresh(_roomy(n)) as out:
        urls = out / "urls.txt"
        lines = (f"http://{hosts[i % len(hosts)]}:{port}/large.jpg?n={i}\n" for i in range(n))
        urls.write_text("".join(lines))
        config = library.Config(str(urls), str(out), len(BOTH), workload.n_per_host)
        sample = measure.run(
            [sys.executable, "-m", library.__name__, config.argument()],
            n_images=n,
            cores=BOTH,
            environment=dict(os.environ) | {"TMPDIR": str(out)},
            log=LOG,
        )
    return sample, library.outcomes(LOG.read_text()).get("stored", 0)


def prepare(made: Callable[[], None]) -> list[Path]:
    """Make what takes long and is kept: the pictures, img2dataset's environment."""
    HOME.mkdir(exist_ok=True)
    img2dataset.environment(HOME / "img2dataset", ROOT / ".uv" / "bin" / "uv")
    usual = pictures.pictures(HOME / pictures.USUAL, made)
    pictures.tiny_pictures(HOME / pictures.TINY, usual)
    return usual


@contextmanager
def _serving(workload: Workload) -> Iterator[tuple[int, int]]:
    """The server's port and process."""
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        port = free.getsockname()[1]
    config = Config(
        str(HOME / workload.folder),
        str(HOME / "certificates") if workload.is_tls else None,
        workload.addresses,
        port,
        workload.latency_seconds,
        workload.closes,
        workload.is_distinct,
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.fetch.server", config.argument()],
        stdin=subprocess.DEVNULL,
    )
    try:
        last = workload.addresses[-1]
        if not wait_until(lambda: _answers(last, port), _LISTEN_SECONDS):
            raise SystemExit("The server of the bench does not start.")
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def _answers(address: str, port: int) -> bool:
    """The addresses are opened in turn: when the last one is there, all are."""
    if address == LOOPBACK:
        return is_listening(port)
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


@contextmanager
def scratch() -> Iterator[Path]:
    """In memory where the system has such a place, so that no disk is measured."""
    with fresh((_MEMORY if _MEMORY.is_dir() else HOME) / f"crawlset-bench-{os.getpid()}") as made:
        yield made


def _roomy(n: int) -> Path:
    """Where `n` large pictures and the bodies on their way have room, in memory if they can."""
    needed = (n + _LARGE_SPARE) * pictures.LARGE_BYTES
    available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if _MEMORY.is_dir() and min(available, shutil.disk_usage(_MEMORY).free) > needed:
        return _MEMORY / f"crawlset-bench-large-{os.getpid()}"
    return HOME / "large"


@contextmanager
def fresh(directory: Path) -> Iterator[Path]:
    """Empty at the beginning, and gone at the end."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
