"""
The whole job as a user meets it, from a list of URLs to rows or files, against other programs.

`python -m tests.bench.whole_job [--rounds 3] [--images 5000] [--files 20000]
[--growth 10000,200000] [--only http,slow,owned,https,files,growth] [--write]`, and by itself
`--million [N]`. Everything is on the same two cores, the server too: the laptop's cloud with its
database and emulator on the one side, img2dataset with a process for each core or a plain download
on the other, in turn. What `--only` leaves out stays as it was measured before; `--write` puts the
tables into docs/benchmarks.md.
"""

import argparse
import sys

from rich.console import Console

from tests.bench import document, figures
from tests.bench.fetch import runner
from tests.bench.whole_job import files, growth, peers, report
from tests.bench.whole_job.job import crawler
from tests.bench.whole_job.results import Results, Run
from tests.bench.whole_job.workloads import (
    ERRANDS,
    FILES,
    GROWTH,
    MILLION,
    ONE_MILLION,
    ROWS,
    USUAL,
    Errand,
)


class Bench:
    def __init__(self, results: Results, console: Console, n_rounds: int) -> None:
        self._results = results
        self._console = console
        self._n_rounds = n_rounds
        self._path = runner.HOME / "whole_job.json"

    def bring_home(self, errand: Errand, n_images: int) -> None:
        """Rows with us, shards with img2dataset, files with a plain download."""
        workload = errand.workload
        with runner.arena(workload) as arena, crawler(arena, errand.per_host) as made:
            for number in range(self._n_rounds):
                urls = workload.urls(n_images, arena.port, first=number * n_images)
                self._keep(workload.name, report.OURS, made.crawl(urls))
                for name, run in (
                    (peers.IMG2DATASET, peers.run_img2dataset),
                    (peers.PLAIN, peers.download),
                ):
                    with runner.fresh(arena.scratch / "out") as out:
                        self._keep(workload.name, name, Run.of(run(arena, urls, out)))

    def make_files(self, n_images: int) -> None:
        for contender, run in files.rounds(n_images, self._n_rounds):
            self._keep(FILES, contender, run)

    def grow(self, name: str, sizes: list[int]) -> None:
        for n_images, run in growth.jobs(sizes, self._console):
            self._keep(name, f"{n_images:,}", run)

    def _keep(self, workload: str, contender: str, run: Run) -> None:
        self._results.add(workload, contender, run)
        self._results.save(self._path)
        self._console.print(
            f"{workload}: {contender}, {run.n_images:,} in {run.seconds:.1f} s,"
            f" {run.images_per_second:.0f}/s, {run.cpu_ms():.2f} CPU ms an image"
        )


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.whole_job")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=5_000)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--growth", type=_numbers, default=[10_000, 200_000])
    parser.add_argument("--million", type=int, nargs="?", const=ONE_MILLION)
    parser.add_argument("--only", type=lambda names: names.split(","), default=USUAL)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(argv)
    if unknown := {*options.only} - {*USUAL}:
        parser.error(f"--only knows {', '.join(USUAL)}, not {', '.join(unknown)}")
    names = [MILLION] if options.million else options.only
    console = Console()
    runner.prepare(lambda: None)
    results = Results.load(runner.HOME / "whole_job.json")
    results.forget(names)
    bench = Bench(results, console, options.rounds)
    for name in names:
        if name in ROWS:
            errand = ERRANDS[name]
            bench.bring_home(errand, round(options.images * errand.share))
        elif name == FILES:
            bench.make_files(options.files)
        elif name == GROWTH:
            bench.grow(GROWTH, options.growth)
        else:
            bench.grow(MILLION, [options.million])
    figures.keep("whole_job", report.figures(results))
    grids = report.tables(results)
    document.show(grids)
    if options.write:
        document.put_section("whole-job", report.markdown(grids))


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


if __name__ == "__main__":
    main(sys.argv[1:])
