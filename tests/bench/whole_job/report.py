"""Whole jobs as tables, for the screen and for docs/benchmarks.md, and as figures for the goals."""

import platform

from tests.bench import document
from tests.bench.document import Grid
from tests.bench.fetch import img2dataset
from tests.bench.figures import Spread
from tests.bench.whole_job import files, peers
from tests.bench.whole_job.results import SERVER, Results, Run
from tests.bench.whole_job.workloads import (
    ERRANDS,
    FILES,
    GROWTH,
    HTTP,
    MILLION,
    ONE_MILLION,
    ROWS,
    TO_FILES,
)

OURS = files.BOTH_COMMANDS
ROWS_PARTS = ("record", "postgres", "plan", "api")
"""What turns outcomes into rows."""
EMULATOR = "emulator"
_SHOWN_MS = 0.005
_SIZES = {
    GROWTH: "Growth, pictures of 2 KB",
    MILLION: "One job to the end, pictures of 2 KB",
}
_HEAD = ("", "images/s", "as fast as img2dataset", "CPU ms/image", "cores idle", "peak MB")


def figures(results: Results) -> dict[str, list[float]]:
    """One for every round, by the names that the goals have for them."""
    found = {
        f"{name}.speed": results.faster(name, OURS, peers.IMG2DATASET) for name in (*ROWS, FILES)
    }
    found |= {
        f"{HTTP}.{name}_ms": [run.cpu_ms(*parts) for run in results.of(HTTP, OURS)]
        for name, parts in (("cpu", ()), ("rows", ROWS_PARTS), ("emulator", (EMULATOR,)))
    }
    found["files.idle"] = [100 * run.idle for run in results.of(FILES, files.CRAWL)]
    sizes = _by_size(results, GROWTH)
    if len(sizes) > 1:
        found["growth.cpu"] = [sizes[-1].cpu_ms() / sizes[0].cpu_ms()]
    found["million.minutes"] = [
        run.seconds / 60 for run in _by_size(results, MILLION) if run.n_images >= ONE_MILLION
    ]
    return {name: values for name, values in found.items() if values}


def tables(results: Results) -> list[Grid]:
    return [
        *(
            _race(results, name, ERRANDS[name].workload.title)
            for name in ROWS
            if name in results.runs
        ),
        *([_race(results, FILES, TO_FILES.title)] if FILES in results.runs else []),
        *(_parts(results, name) for name in (HTTP, FILES) if name in results.runs),
        *(_sizes(results, name) for name in _SIZES if name in results.runs),
    ]


def markdown(grids: list[Grid]) -> str:
    shown = "\n\n".join(grid.markdown() for grid in grids)
    return f"""\
## Whole jobs, against img2dataset and a plain download

`python -m tests.bench.whole_job`, on {document.machine()}.

The contenders in turn, on the same two cores with the server; figures are medians (least–most) of
rounds, *as fast as img2dataset* is by the clock in the same round. CPU is user and system time of
all processes of the contender without the server; memory is the sum of what each had at most,
shared pages in each. Pictures as in the section before, no two of the same bytes.

- **Crawlset**: a list is uploaded to the local cloud (PostgreSQL, emulator, functions) and crawled
  until each picture has its row, every check and feature on. To files: the commands
  `crawlset crawl` and `crawlset export --format webdataset`, until the files are on disk. The
  cloud runs already, as a service does; the others start anew each time.
- **img2dataset {img2dataset.VERSION}**, Python {platform.python_version()}: {peers.N_THREADS}
  threads in a process for each core, files or WebDataset as received after a decode.
- **plain download**: {peers.downloader()}, {peers.N_AT_ONCE} at once, into files, nothing looked
  at. What checks, rows and features cost is the difference.

{shown}
"""  # noqa: RUF001


def _race(results: Results, name: str, title: str) -> Grid:
    rows = []
    for contender, runs in results.runs[name].items():
        faster = results.faster(name, contender, peers.IMG2DATASET)
        is_step = contender in {files.CRAWL, files.EXPORT}
        rows.append(
            (
                f"{contender}, {runs[0].n_images:,}",
                results.spread(name, contender, lambda run: run.images_per_second).text(0),
                _median(faster) if contender != peers.IMG2DATASET and not is_step else "",
                results.spread(name, contender, Run.cpu_ms).text(2),
                results.spread(name, contender, lambda run: 100 * run.idle).text(0) + " %"
                if any(run.idle for run in runs)
                else "",
                results.spread(name, contender, _peak_mb).text(0),
            )
        )
    return Grid(title, _HEAD, rows)


def _parts(results: Results, name: str) -> Grid:
    """CPU by process."""
    peaks = results.of(name, OURS)[-1].peak_mb
    rows = [
        (part, f"{ms:.2f}", f"{peaks.get(part, 0):.0f}")
        for part, ms in results.costs(name, OURS)
        if ms >= _SHOWN_MS and part != SERVER
    ]
    return Grid(f"{name}: parts of Crawlset", ("process", "CPU ms/image", "peak MB"), rows)


def _sizes(results: Results, name: str) -> Grid:
    """What jobs of several sizes cost; each part has its peak memory beside it."""
    sizes = _by_size(results, name)
    parts = sorted({part for run in sizes for part in run.cpu_seconds} - {SERVER})
    rows = [
        ("images/s", *(f"{run.images_per_second:.0f}" for run in sizes)),
        ("minutes", *(f"{run.seconds / 60:.1f}" for run in sizes)),
        ("cores idle", *(f"{run.idle:.0%}" for run in sizes)),
        ("candidates", *(f"{run.facts['candidates']:,.0f}" for run in sizes)),
        ("outcomes", *(f"{run.facts['outcomes']:,.0f}" for run in sizes)),
        ("stored", *(f"{run.facts['stored']:,.0f}" for run in sizes)),
        ("database MB", *(f"{run.facts['database_mb']:,.0f}" for run in sizes)),
        ("CPU ms/image", *(f"{run.cpu_ms():.2f}" for run in sizes)),
    ]
    for part in parts:
        cells = (f"{run.cpu_ms(part):.2f}, {run.peak_mb.get(part, 0):.0f} MB" for run in sizes)
        rows.append((part, *cells))
    return Grid(_SIZES[name], ("images", *(f"{run.n_images:,}" for run in sizes)), rows)


def _by_size(results: Results, name: str) -> list[Run]:
    runs = (run for runs in results.runs.get(name, {}).values() for run in runs)
    return sorted(runs, key=lambda run: run.n_images)


def _peak_mb(run: Run) -> float:
    """Of all parts, each at its own time."""
    return sum(mb for part, mb in run.peak_mb.items() if part != SERVER)


def _median(values: list[float]) -> str:
    return Spread.of(values).text(2)
