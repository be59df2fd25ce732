"""
How long it takes to compare a text with all vectors of a job, and how much memory.

`python -m tests.bench.finding [--write]`. Parts of 1,000 random vectors come from memory as often
as they are asked for; S3 is not here, so what reading takes is not measured.
"""

import resource
import sys
import time

import numpy as np
from rich.console import Console

from crawlset.finding.comparing import compare
from crawlset.measuring.vectors import to_parquet
from tests.bench.document import machine, put_section

BATCH = 1_000
SIZES = [(100_000, 512), (1_000_000, 512), (1_000_000, 1_280)]
HEAD = """## Search by vectors

`tests/bench/finding.py`: one vector is compared with all of a job, in parts of 1,000 as validations
write them, and the twenty nearest are taken. The parts come from memory: on Lambda reading them
from S3 comes on top."""


def main(arguments: list[str]) -> None:
    console = Console()
    rows = ["| vectors | numbers each | to be read | CPU | peak memory |"]
    rows.append("| ---: | ---: | ---: | ---: | ---: |")
    for n_vectors, length in SIZES:
        rows.append(measure(n_vectors, length))
        console.print(rows[-1])
    if "--write" in arguments:
        put_section("finding", "\n".join([HEAD, "", machine() + ".", "", *rows]))


def measure(n_vectors: int, length: int) -> str:
    random = np.random.default_rng(7)
    body = to_parquet(range(BATCH), random.standard_normal((BATCH, length)), "1")
    parts = [str(number) for number in range(n_vectors // BATCH)]
    cpu = time.process_time()
    compared = compare(
        random.standard_normal(length), parts, lambda _: body, version="1", has_time=lambda: True
    )
    nearest = compared.nearest_first()
    assert len([next(nearest) for _ in range(20)]) == 20
    cpu = time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    return (
        f"| {len(compared.image_ids):,} | {length:,} | {len(body) * len(parts) / 1e9:.2f} GB"
        f" | {cpu:.1f} s | {peak:,.0f} MB |"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
