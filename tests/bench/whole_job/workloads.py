"""The whole jobs that are measured: from where their pictures come, and how many."""

from dataclasses import dataclass, replace

from tests.bench.fetch.pictures import TINY
from tests.bench.fetch.workloads import Workload

HTTP, SLOW, OWNED, HTTPS = "http", "slow", "owned", "https"
FILES, GROWTH, MILLION = "files", "growth", "million"
ROWS = (HTTP, SLOW, OWNED, HTTPS)
"""A list becomes rows with us, shards with img2dataset, files with a plain download."""
ONE_MILLION = 1_000_000
USUAL = (*ROWS, FILES, GROWTH)


@dataclass(frozen=True)
class Errand:
    """A list for each contender to bring home."""

    workload: Workload
    share: float = 1.0
    """Of `--images`."""
    per_host: int = 0
    """Requests at once to each host with us, which is owned then; 0: as to any host."""


_OVER_TLS = Workload(
    HTTPS,
    "List to rows, HTTPS, 64 hosts, 50 ms an answer",
    (),
    is_tls=True,
    n_hosts=64,
    latency_seconds=0.05,
    is_distinct=True,
)
_SLOW = Workload(
    SLOW,
    "List to rows, HTTP, one host, 200 ms an answer",
    (),
    latency_seconds=0.2,
    is_distinct=True,
)
ERRANDS = {
    HTTP: Errand(Workload(HTTP, "List to rows, HTTP, 64 hosts", (), n_hosts=64, is_distinct=True)),
    SLOW: Errand(_SLOW, share=0.6),
    OWNED: Errand(
        replace(_SLOW, name=OWNED, title=f"{_SLOW.title}, owned: 64 at once"),
        share=0.6,
        per_host=64,
    ),
    HTTPS: Errand(_OVER_TLS),
}
TO_FILES = replace(
    _OVER_TLS, name=FILES, title="List to WebDataset on disk, HTTPS, 64 hosts, 50 ms an answer"
)
OF_TINY = Workload(GROWTH, "", (), n_hosts=64, is_distinct=True, folder=TINY)
