"""What a picture costs in jobs of any size: pictures are tiny, so that the rest shows."""

from collections.abc import Iterator
from functools import partial

from rich.console import Console
from rich.status import Status

from tests.bench.fetch import runner
from tests.bench.whole_job.job import crawler
from tests.bench.whole_job.results import Run
from tests.bench.whole_job.workloads import OF_TINY


def jobs(sizes: list[int], console: Console) -> Iterator[tuple[int, Run]]:
    """One job of each size, one after the other in one cloud."""
    with runner.arena(OF_TINY) as arena, crawler(arena) as made:
        first = 0
        for n_images in sizes:
            urls = OF_TINY.urls(n_images, arena.port, first=first)
            first += n_images
            with console.status(f"{n_images:,} pictures") as status:
                run = made.crawl(urls, partial(_say, status, n_images))
            yield n_images, run


def _say(status: Status, n_images: int, n_done: int) -> None:
    status.update(f"{n_done:,} of {n_images:,} pictures")
