"""What is measured: workloads, who takes part in each, and how many pictures each gets."""

from dataclasses import dataclass
from enum import StrEnum

from crawlset.fetching.limits import Limits
from tests.bench.fetch import pictures

SERVER_CORE, CLIENT_CORE = 0, 1
BOTH = frozenset({SERVER_CORE, CLIENT_CORE})
ONE_CORE, TWO_CORES = "one core", "two cores"
_ALL_AT_ONCE = 64


class Program(StrEnum):
    ours = "Crawlset"
    deployed = "Crawlset, deployed"
    theirs = "img2dataset"
    floor = "floor"
    receiving = "receiving alone"


@dataclass(frozen=True)
class Contender:
    """
    A program on some cores.

    Each round it runs twice, over few pictures and over many: the difference is the margin.
    """

    program: Program
    few: float
    """Pictures of the shorter run, as a share of `--images`."""
    many: float
    name: str = ""
    cores: frozenset[int] = frozenset({CLIENT_CORE})
    server_cores: frozenset[int] = frozenset({SERVER_CORE})

    @property
    def label(self) -> str:
        return self.name or self.program


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    contenders: tuple[Contender, ...]
    is_tls: bool = False
    n_hosts: int = 1
    latency_seconds: float = 0.0
    closes: bool = False
    resize: int | None = None
    is_distinct: bool = False
    """Whether no two URLs have the same bytes; else there are `pictures.N_PICTURES` of them."""
    folder: str = pictures.USUAL

    @property
    def addresses(self) -> list[str]:
        return [f"127.0.0.{n + 1}" for n in range(self.n_hosts)]

    @property
    def n_per_host(self) -> int:
        """Our requests to one host at once; nobody else here has such a limit."""
        return _ALL_AT_ONCE if self.n_hosts == 1 else Limits().n_per_host

    def urls(self, n: int, port: int, first: int = 0) -> list[str]:
        """`n` distinct URLs from the one with the number `first` on, the hosts in turn; no picture
        comes twice in a chunk."""
        scheme = "https" if self.is_tls else "http"
        hosts = self.addresses
        return [
            f"{scheme}://{hosts[i % len(hosts)]}:{port}/{i % pictures.N_PICTURES:04d}.jpg?n={i}"
            for i in range(first, first + n)
        ]


HTTP, HTTPS, HTTPS_CLOSE, RESIZE = "http", "https", "https-close", "resize"
CORES, DEPLOYED = "cores", "deployed"

_SCALED = ((ONE_CORE, frozenset({CLIENT_CORE})), (TWO_CORES, BOTH))

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            HTTP,
            "Plain HTTP, one host",
            (
                Contender(Program.ours, 0.2, 1),
                Contender(Program.theirs, 0.2, 1),
                Contender(Program.floor, 0.2, 1),
                Contender(Program.receiving, 0.2, 1),
            ),
        ),
        Workload(
            HTTPS,
            "HTTPS, 64 hosts, 50 ms latency",
            (
                Contender(Program.ours, 0.2, 0.6),
                Contender(Program.theirs, 0.04, 0.2),
                Contender(Program.floor, 0.2, 0.6),
                Contender(Program.receiving, 0.2, 0.6),
            ),
            is_tls=True,
            n_hosts=64,
            latency_seconds=0.05,
        ),
        Workload(
            HTTPS_CLOSE,
            "HTTPS, 200 hosts, 50 ms latency, a connection for each answer",
            (
                Contender(Program.ours, 0.2, 0.6),
                Contender(Program.theirs, 0.04, 0.2),
                Contender(Program.floor, 0.2, 0.6),
            ),
            is_tls=True,
            n_hosts=200,
            latency_seconds=0.05,
            closes=True,
        ),
        Workload(
            RESIZE,
            "Plain HTTP, one host, resized to a short side of 256",
            (
                Contender(Program.ours, 0.1, 0.4),
                Contender(Program.theirs, 0.1, 0.4),
            ),
            resize=256,
        ),
        Workload(
            CORES,
            "Plain HTTP, one host, the server on the same cores",
            tuple(
                Contender(Program.ours, 0.2, 1, name, cores, server_cores=cores)
                for name, cores in _SCALED
            ),
        ),
        Workload(
            DEPLOYED,
            "Plain HTTP, 64 hosts, everything on two cores",
            (
                Contender(Program.ours, 0.1, 0.6, cores=BOTH, server_cores=BOTH),
                Contender(Program.deployed, 0.1, 0.6, cores=BOTH, server_cores=BOTH),
            ),
            n_hosts=64,
        ),
    )
}
USUAL = (HTTP, HTTPS, RESIZE, CORES, DEPLOYED)
"""Measured unless others are named."""
