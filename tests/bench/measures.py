"""
How long it takes to decide anew by measures that are kept, and to compare pictures by vectors.

`python -m tests.bench.measures [IMAGES] [--write]` (100,000 unless said). Rows of a real
PostgreSQL, the steps of the state machine one after the other in this process; requests to S3 are
counted, and there must be none. The vectors are 1,280 random numbers, as many images in ten
keywords; they are read from the disk.
"""

import os
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from sqlalchemy import text

from crawlset import settings
from crawlset.kit import aws, db
from crawlset.measuring import neighbours
from crawlset.measuring.neighbours import Measurable
from crawlset.measuring.vectors import to_parquet
from crawlset.models import CrawlJob, ValidationJob
from crawlset.validation import steps
from tests.bench.document import put_section
from tests.bench.validate import begin, shown, stored

HEAD = """## Measures

`tests/bench/measures.py`: the threshold of a kept measure is changed: the whole validation, with
PostgreSQL on this machine, its report included. No picture and no object is read; S3 is asked
once, for a list of what was left behind."""
MEASURED = """
UPDATE images SET measurements = jsonb_build_object('palette', jsonb_build_object(
    'version', '1', 'part', 'p', 'neighbours', 9,
    'measures', jsonb_build_object('colourfulness', id % 100, 'nearness', (id % 97) / 97.0)))
"""
DIMENSIONS = 1_280
BATCH = 1_000


def main(arguments: list[str]) -> None:
    console = Console()
    counts = [int(argument) for argument in arguments if not argument.startswith("-")]
    os.environ["MEASURER_ARNS"] = "palette@1=arn:aws:lambda:us-east-1:123456789012:function:palette"
    settings.measurer_settings.cache_clear()
    rows = ["| images | below | out | by the clock | CPU, the database's too | asked of S3 |"]
    rows.append("| ---: | ---: | ---: | ---: | ---: | ---: |")
    n_images = counts[0] if counts else 100_000
    with stored(n_images, console) as job:
        with db.transaction(job.user_id) as session:
            session.execute(text("SET LOCAL statement_timeout = 0"))
            session.execute(text(MEASURED))
        for threshold in (20, 21, 60):
            requests = count_requests()
            cpu = cpu_seconds(job)
            times, n_out = judge(job, threshold)
            cpu = cpu_seconds(job) - cpu
            console.print(f"below {threshold}: {n_out:,} out, {shown(times)}, {cpu:.1f} s of CPU")
            rows.append(
                f"| {n_images:,} | {threshold} | {n_out:,} | {sum(times.values()):.1f} s"
                f" | {cpu:.1f} s | {requests.total()} |"
            )
    note = compare(n_images)
    console.print(note)
    if "--write" in arguments:
        put_section("measures", "\n".join([HEAD, "", *rows, "", note]))


def cpu_seconds(job: CrawlJob) -> float:
    """CPU that this process and all of the server have used, parallel workers included."""
    with db.transaction(job.user_id) as session:
        backend = session.scalar(text("SELECT pg_backend_pid()"))
    _, server = _ticks(Path(f"/proc/{backend}/stat"))[:2]
    _, _, own, of_ended = _ticks(Path(f"/proc/{server}/stat"))
    ticks = own + of_ended
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            _, parent, used, _ = _ticks(path)
            ticks += used if parent == server else 0
    return ticks / os.sysconf("SC_CLK_TCK") + time.process_time()


def _ticks(path: Path) -> tuple[int, int, int, int]:
    """Process, its parent, and the ticks that it and its ended children have used."""
    pid, _, rest = path.read_text(encoding="utf-8").partition(" ")
    fields = rest.rpartition(")")[2].split()
    user, system, ended_user, ended_system = map(int, fields[11:15])
    return int(pid), int(fields[1]), user + system, ended_user + ended_system


def count_requests() -> Counter[str]:
    """Count the requests that S3's client makes from here on, by operation."""
    aws.clear()
    requests: Counter[str] = Counter()

    def note(event_name: str, **_: Any) -> None:
        requests[event_name] += 1

    aws.s3().meta.events.register("before-call.s3", note)
    return requests


def judge(job: CrawlJob, threshold: float) -> tuple[dict[str, float], int]:
    """Seconds of each step, and how many images are out."""
    params = {"measurer": "palette", "measure": "colourfulness", "below": threshold}
    message = begin(job, [{"check": "measure", "params": params}])
    times = {}
    for name in ("evaluate", "measure", "decide", "deduplicate", "put_out_copies", "finish"):
        start = time.monotonic()
        found = steps.run(replace(message, step=name))
        times[name] = time.monotonic() - start
        assert not found["batches"]
    with db.transaction(job.user_id) as session:
        done = session.get_one(ValidationJob, message.validation_job_id)
        return times, done.n_rejected


def compare(n_images: int) -> str:
    random = np.random.default_rng(7)
    images = [Measurable(n, f"k{n % 10}", f"{n // BATCH}") for n in range(n_images)]
    parts = {
        f"{begin // BATCH}": to_parquet(
            range(begin, min(begin + BATCH, n_images)),
            random.standard_normal((min(BATCH, n_images - begin), DIMENSIONS)),
            "1",
        )
        for begin in range(0, n_images, BATCH)
    }
    cpu, start = time.process_time(), time.monotonic()
    neighbours.compared(images, parts.get)
    return (
        f"{n_images:,} vectors of {DIMENSIONS:,} numbers in ten keywords are compared in"
        f" {time.process_time() - cpu:.0f} s of CPU, {time.monotonic() - start:.0f} s here."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
