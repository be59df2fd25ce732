"""Results as tables, for the screen and for docs/benchmarks.md, and what each goal comes to."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

import pycurl

from crawlset.fetching.limits import Limits
from tests.bench import document
from tests.bench.document import Grid
from tests.bench.fetch import floor, img2dataset
from tests.bench.fetch.results import Key, Pair, Results
from tests.bench.fetch.workloads import (
    CORES,
    DEPLOYED,
    HTTP,
    HTTPS,
    HTTPS_CLOSE,
    ONE_CORE,
    RESIZE,
    TWO_CORES,
    WORKLOADS,
    Program,
)
from tests.bench.figures import Spread

MAX_CHUNK_MB = 300
_OURS, _THEIRS, _FLOOR = Program.ours.value, Program.theirs.value, Program.floor.value
_STEPS = {
    floor.DECODE: "decode at 1/8 in grey, strict (simplejpeg)",
    floor.DIGEST: "SHA-256",
    floor.WRITE: "write to memory",
}


@dataclass(frozen=True)
class Goal:
    what: str
    wanted: float
    measured: Spread | None
    unit: str = "×"  # noqa: RUF001
    is_most: bool = False
    """A goal not to be exceeded."""

    def row(self) -> tuple[str, ...] | None:
        if self.measured is None:
            return None
        digits = 0 if self.is_most else 2
        median = self.measured.median
        is_met = median < self.wanted if self.is_most else median >= self.wanted
        sign = "<" if self.is_most else "≥"
        return (
            self.what,
            f"{sign} {self.wanted:g} {self.unit}",
            self.measured.text(digits),
            "pass" if is_met else "miss",
        )


def tables(results: Results) -> list[Grid]:
    rows = [row for goal in _goals(results) if (row := goal.row()) is not None]
    return [
        Grid("Goals", ("goal", "wanted", "measured", ""), rows),
        *(_workload(results, name) for name in WORKLOADS if name in results.pairs),
        _steps(results),
    ]


def markdown(results: Results, grids: list[Grid]) -> str:
    threads = ", ".join(f"{name} {n}" for name, n in results.threads.items())
    shown = "\n\n".join(grid.markdown() for grid in grids)
    n_rounds = max((len(r) for w in results.pairs.values() for r in w.values()), default=0)
    engines = ", ".join(
        f"{name} {version(name)}" for name in ("pycurl", "simplejpeg", "pillow", "numpy")
    )
    curl = ", ".join(pycurl.version.split()[1:3])
    return f"""\
## Fetching, against img2dataset and the floor

`make bench`, section `tests/bench/fetch`, on {document.machine()}; {engines}, {curl}.

{n_rounds} rounds, the contenders in turn, each round a short and a long run; ratios are of the
same round; figures are medians (least–most). *At the margin* is the difference of the two runs,
without start-up, as everything is that does not say *whole run* or *cold*, which count from the
start of the interpreter. CPU is user and system time of all processes of the contender. The server
(own, in memory, on loopback) has core 0, the contender core 1, unless the title says otherwise.
Pictures: {results.facts.get("picture_kb", 0):.0f} KB on average, 500 by 375, cut from photographs;
distinct URLs; output to memory.

- **Crawlset**: chunks of 500 URLs into tars; every check and feature on, robots.txt and tdmrep.json
  of each host asked in every chunk (the server says 404). At most {Limits().n_per_host} requests to
  one host at once as in the service; 64 where there is one host only, as nobody else has a limit.
- **img2dataset {img2dataset.VERSION}**: one process for each core, the cheapest of 16, 32 and 64
  threads ({threads or "not measured"}); files, SHA-256; pictures as received after a decode, or
  `keep_ratio` 256. CA certificates as a file (`SSL_CERT_FILE`), as in most containers.
- **floor**: libcurl's multi interface, a 1/8 grey decode that notices truncation, SHA-256, a write.
- The server keeps connections open unless the title says otherwise; img2dataset closes each.
- **deployed**: jobs through the local cloud, whose database, emulator and other functions share the
  two cores; CPU is of the fetch function's processes alone, the clock of the whole job.

{shown}
"""  # noqa: RUF001


def figures(results: Results) -> dict[str, list[float]]:
    """One for every round, by the names that the goals have for them."""
    found = {name: results.ratios(*ratio) for name, ratio in _RATIOS.items()}
    return {name: values for name, values in found.items() if values}


def _goals(results: Results) -> Iterator[Goal]:
    def ratio(name: str) -> Spread | None:
        values = results.ratios(*_RATIOS[name])
        return Spread.of(values) if values else None

    long, cold = (round(results.settings["images"] * share) for share in (1, 0.2))
    hosts = "img2dataset, HTTPS, 64 hosts"
    yield Goal(f"{hosts}, at the margin", 12, ratio("https.margin"))
    yield Goal(f"{hosts}, cold run of {cold:,}", 15, ratio("https.cold"))
    yield Goal("img2dataset, HTTP, at the margin", 1.6, ratio("http.margin"))
    yield Goal(f"img2dataset, HTTP, whole run of {long:,}", 2.6, ratio("http.whole"))
    yield Goal(f"img2dataset, HTTP, cold run of {cold:,}", 5, ratio("http.cold"))
    yield Goal("img2dataset, resized to 256, at the margin", 1.5, ratio("resize.margin"))
    yield Goal("one core to two, images/s", 1.85, ratio("cores.speed"))
    yield Goal("share of the floor, HTTP, images per core-second", 0.7, ratio("http.floor"))
    yield Goal(
        "deployed, share of the library's images per core-second", 0.7, ratio("deployed.share")
    )
    usual = results.of(CORES, TWO_CORES)
    yield Goal(
        "peak memory, usual chunks, two decoders",
        MAX_CHUNK_MB,
        Spread.of(pair.few.peak_mb for pair in usual) if usual else None,
        "MB",
        is_most=True,
    )
    large = results.facts.get("large")
    n_large, n_stored = (results.facts.get(name, 0) for name in ("n_large", "n_large_stored"))
    yield Goal(
        f"peak memory, a chunk of {n_large:.0f} pictures of 24 MB, {n_stored:.0f} of them stored",
        MAX_CHUNK_MB,
        Spread.of([large]) if large is not None else None,
        "MB",
        is_most=True,
    )


def _workload(results: Results, name: str) -> Grid:
    head = (
        "",
        "CPU ms/image",
        "images/s/core",
        "whole run, CPU ms/image",
        "by the clock, images/s",
        "peak MB",
    )
    rows = [
        (
            contender.label,
            results.spread(name, contender.label, _margin).text(2),
            results.spread(name, contender.label, _per_core).text(0),
            f"{results.spread(name, contender.label, _whole).text(2)} of {_n_many(rounds):,}",
            results.spread(name, contender.label, _clock).text(0),
            results.spread(name, contender.label, _peak).text(0),
        )
        for contender in WORKLOADS[name].contenders
        if (rounds := results.of(name, contender.label))
    ]
    return Grid(WORKLOADS[name].title, head, rows)


def _steps(results: Results) -> Grid:
    rows = [
        (f"fetch, {WORKLOADS[name].title}", results.spread(name, label, _margin).text(3))
        for name in (HTTP, HTTPS, HTTPS_CLOSE)
        if results.of(name, label := Program.receiving.value)
    ]
    rows += [(name, f"{results.facts[step]:.3f}") for step, name in _STEPS.items()]
    return Grid("Parts of the floor", ("step", "CPU ms/image"), rows)


def _margin(pair: Pair) -> float:
    return pair.cpu_ms


def _per_core(pair: Pair) -> float:
    return 1000 / pair.cpu_ms


def _clock(pair: Pair) -> float:
    return pair.images_per_second


def _few(pair: Pair) -> float:
    return pair.few.cpu_seconds / pair.few.n_images


def _many(pair: Pair) -> float:
    return pair.many.cpu_seconds / pair.many.n_images


def _whole(pair: Pair) -> float:
    return 1000 * _many(pair)


def _peak(pair: Pair) -> float:
    return max(pair.few.peak_mb, pair.many.peak_mb)


def _n_many(rounds: list[Pair]) -> int:
    return rounds[0].many.n_images


_RATIOS: dict[str, tuple[str, tuple[str, Key], tuple[str, Key]]] = {
    "http.margin": (HTTP, (_THEIRS, _margin), (_OURS, _margin)),
    "http.whole": (HTTP, (_THEIRS, _many), (_OURS, _many)),
    "http.cold": (HTTP, (_THEIRS, _few), (_OURS, _few)),
    "http.floor": (HTTP, (_FLOOR, _margin), (_OURS, _margin)),
    "https.margin": (HTTPS, (_THEIRS, _margin), (_OURS, _margin)),
    "https.cold": (HTTPS, (_THEIRS, _many), (_OURS, _few)),
    "resize.margin": (RESIZE, (_THEIRS, _margin), (_OURS, _margin)),
    "cores.speed": (CORES, (TWO_CORES, _clock), (ONE_CORE, _clock)),
    "deployed.share": (DEPLOYED, (_OURS, _margin), (Program.deployed.value, _margin)),
}
"""What is divided by what, round by round."""
