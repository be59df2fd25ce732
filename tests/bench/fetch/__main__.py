"""
The fetch engine against img2dataset and against the floor.

`python -m tests.bench.fetch [--rounds 3] [--images 5000] [--only http,https,…] [--resume]
[--write]`. Linux, two cores at least; PyPI the first time. `--only` takes names of workloads and
`large`, and measures `https-close` too, which is not among the usual ones. `--resume` takes up a
run that was cut off; `--write` puts the tables into docs/benchmarks.md.
"""

import argparse
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from tests.bench import document, figures
from tests.bench.fetch import floor, pictures, report, runner
from tests.bench.fetch.measure import on_cores
from tests.bench.fetch.results import Results
from tests.bench.fetch.workloads import CLIENT_CORE, USUAL, WORKLOADS, Program, Workload

LARGE = "large"
_DEFAULT_THREADS = 32


class Bench:
    def __init__(self, results: Results, progress: Progress, n_rounds: int, n_images: int) -> None:
        self._results = results
        self._progress = progress
        self._n_rounds = n_rounds
        self._n_images = n_images
        self._task = TaskID(0)
        self._path = runner.HOME / "fetch.json"

    def measure(self, names: list[str]) -> None:
        workloads = [WORKLOADS[name] for name in names if name != LARGE]
        n_runs = sum(len(workload.contenders) * self._n_rounds for workload in workloads)
        self._task = self._progress.add_task("", total=n_runs)
        for workload in workloads:
            for _ in self._rounds(workload):
                self._progress.advance(self._task)
        if LARGE in names and LARGE not in self._results.facts:
            self._say("large pictures")
            n = min(runner.N_LARGE, self._n_images)
            sample, n_stored = runner.large_chunk(n)
            self._keep(large=sample.peak_mb, n_large=n, n_large_stored=n_stored)
        self._say("single steps")
        self._measure_steps()
        self._progress.remove_task(self._task)

    def _rounds(self, workload: Workload) -> Iterator[None]:
        """Every contender once a round, in turn; the first of one round is the last of the next."""
        done = self._results.pairs.get(workload.name, {})
        if all(len(done.get(c.label, ())) >= self._n_rounds for c in workload.contenders):
            yield from [None] * (len(workload.contenders) * self._n_rounds)
            return
        with runner.arena(workload) as arena:
            for contender in workload.contenders:
                self._say(f"{workload.name}: warming up {contender.label}")
                if contender.program != Program.theirs:
                    arena.warm_up(contender)
                elif workload.name not in self._results.threads:
                    n_threads = arena.best_threads(contender, self._n_images)
                    self._results.threads[workload.name] = n_threads
            n_threads = self._results.threads.get(workload.name, _DEFAULT_THREADS)
            for number in range(self._n_rounds):
                for contender in workload.contenders[:: -1 if number % 2 else 1]:
                    if len(self._results.of(workload.name, contender.label)) <= number:
                        self._say(f"{workload.name}: {contender.label}, round {number + 1}")
                        pair = arena.pair(contender, self._n_images, n_threads)
                        self._results.add(workload.name, contender.label, pair)
                        self._results.save(self._path)
                    yield

    def _say(self, what: str) -> None:
        self._progress.update(self._task, description=what)

    def _measure_steps(self) -> None:
        paths = sorted((runner.HOME / "pictures").glob("*.jpg"))
        data = [path.read_bytes() for path in paths]
        with on_cores({CLIENT_CORE}), runner.scratch() as out:
            for step in floor.STEPS:
                self._keep(**{step: 1000 * floor.seconds_each(step, data, out)})
        self._keep(picture_kb=sum(map(len, data)) / len(data) / 1000)

    def _keep(self, **facts: float) -> None:
        self._results.facts.update(facts)
        self._results.save(self._path)


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.fetch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--only", default=",".join((*USUAL, LARGE)))
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(argv)
    names = options.only.split(",")
    unknown = set(names) - {*WORKLOADS, LARGE}
    if unknown:
        parser.error(f"--only knows {', '.join((*WORKLOADS, LARGE))}")
    console = Console()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        making = progress.add_task("pictures", total=pictures.N_PICTURES)
        runner.prepare(lambda: progress.advance(making))
        progress.remove_task(making)
        settings = {"images": options.images}
        path = runner.HOME / "fetch.json"
        results = Results.load(path, settings) if options.resume else Results(settings)
        Bench(results, progress, options.rounds, options.images).measure(names)
    figures.keep("fetch", report.figures(results))
    tables = report.tables(results)
    document.show(tables)
    if options.write:
        document.put_section("fetch", report.markdown(results, tables))


if __name__ == "__main__":
    main(sys.argv[1:])
