"""From a list to WebDataset files on disk: our two commands against img2dataset's one."""

import json
import os
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.fetch import measure, runner
from tests.bench.fetch.measure import Sample
from tests.bench.fetch.workloads import BOTH
from tests.bench.whole_job import peers
from tests.bench.whole_job.job import Crawler, Meter, crawler
from tests.bench.whole_job.results import ALL, Run
from tests.bench.whole_job.workloads import TO_FILES

CRAWL, EXPORT = "Crawlset, crawl", "Crawlset, export"
BOTH_COMMANDS = "Crawlset"
CLIENT = "client"


def rounds(n_images: int, n_rounds: int) -> Iterator[tuple[str, Run]]:
    """What each contender took, and our two commands apart."""
    with runner.arena(TO_FILES) as arena, crawler(arena) as made:
        for number in range(n_rounds):
            urls = TO_FILES.urls(n_images, arena.port, first=number * n_images)
            with runner.fresh(runner.HOME / "dataset") as out:
                crawled, exported = _ours(made, arena, urls, out)
                yield CRAWL, crawled
                yield EXPORT, exported
                yield BOTH_COMMANDS, _together(crawled, exported)
            with runner.fresh(runner.HOME / "dataset") as out:
                sample = peers.run_img2dataset(arena, urls, out, "webdataset")
            yield peers.IMG2DATASET, Run.of(sample)


def _ours(made: Crawler, arena: runner.Arena, urls: list[str], out: Path) -> tuple[Run, Run]:
    listed = arena.scratch / "urls.txt"
    listed.write_text("\n".join(urls) + "\n")
    crawled, said = _command(made, len(urls), "crawl", "--urls", listed)
    job_id = json.loads(said)["id"]
    exported, _ = _command(
        made, len(urls), "export", job_id, "--format", "webdataset", "--out", out
    )
    n = sum(_n_pictures(path) for path in out.rglob("*.tar"))
    if n != len(urls):
        raise SystemExit(f"The export has {n} of {len(urls)} pictures: {runner.LOG}")
    return crawled, exported


def _command(made: Crawler, n_images: int, *words: str | Path) -> tuple[Run, str]:
    """What the command `crawlset` and the cloud behind it took, and what it printed."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(runner.HOME),
        "CRAWLSET_API_URL": made.cloud.api_url,
        "CRAWLSET_API_KEY": made.cloud.api_key,
    }
    meter = Meter(made.census)
    sample: Sample = measure.run(
        [Path(sys.executable).with_name("crawlset"), *words, "--json", "--quiet"],
        n_images=n_images,
        cores=BOTH,
        environment=variables,
        log=runner.LOG,
    )
    run = meter.run(n_images, time.time())
    run.cpu_seconds[CLIENT] = sample.cpu_seconds
    run.peak_mb[CLIENT] = sample.peak_mb
    return run, runner.LOG.read_text()


def _n_pictures(shard: Path) -> int:
    with tarfile.open(shard) as archive:
        return sum(name.endswith(".jpg") for name in archive.getnames())


def _together(first: Run, second: Run) -> Run:
    parts = {*first.cpu_seconds, *second.cpu_seconds} - {ALL}
    seconds = first.seconds + second.seconds
    return Run(
        first.n_images,
        seconds,
        {p: first.cpu_seconds.get(p, 0) + second.cpu_seconds.get(p, 0) for p in parts},
        (first.idle * first.seconds + second.idle * second.seconds) / seconds,
        {p: max(first.peak_mb.get(p, 0), second.peak_mb.get(p, 0)) for p in second.peak_mb},
    )
