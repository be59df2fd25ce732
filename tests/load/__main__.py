"""
How the laptop's whole cloud bears many clients, and whether tenants hold each other up.

`python -m tests.load [--seconds N] [--clients N] [--tenants N] [--big N] [--write]`, on a cloud of
its own. `--write` puts the table into docs/benchmarks.md.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from crawlset_local.cloud import LocalCloud
from tests.bench.document import machine, put_section
from tests.load import clients, fairness
from tests.load.clients import Measured
from tests.load.fairness import Fairness
from tests.ports import free_ports


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--tenants", type=int, default=10)
    parser.add_argument("--big", type=int, default=100_000, help="candidates of the big job")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    if asked.tenants < 2:
        parser.error("fairness is between two tenants")
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as directory:
        cloud = LocalCloud(Path(directory) / "home", free_ports())
        with cloud:
            tenants = [clients.create_tenant(cloud, number) for number in range(asked.tenants)]
            console.print(f"A small job alone, then beside one of {asked.big} candidates…")
            shared = fairness.measure(tenants[0], tenants[1], asked.big)
            console.print(f"{len(tenants)} tenants; {asked.clients} clients ask…")
            measured = clients.run(tenants, asked.clients, asked.seconds)
        cloud.erase()
    text = page(measured, shared, asked)
    Console().print(text, soft_wrap=True, markup=False)
    if asked.write:
        put_section("load", text)


def page(measured: Sequence[Measured], shared: Fairness, asked: argparse.Namespace) -> str:
    n_answered = sum(len(one.milliseconds) for one in measured)
    requests = [
        f"| {one.kind} | {len(one.milliseconds)} | {one.percentile(50):.0f}"
        f" | {one.percentile(99):.0f} | {_counts(one.statuses)} |"
        for one in measured
    ]
    return f"""
## Many clients, many tenants

`make load` on {machine()}.

{asked.clients} clients of {asked.tenants} tenants asked for {asked.seconds:.0f} s, each one request
after another, through the whole local cloud, which runs what they start on the same cores:
{n_answered / asked.seconds:.0f} answers a second.

| request | answers | p50 ms | p99 ms | others |
| --- | --- | --- | --- | --- |
{"\n".join(requests)}

A job of 100 sample images, from its creation to its end:

| while | seconds |
| --- | --- |
| nothing else runs | {shared.alone_seconds:.1f} |
| another tenant's job of {shared.n_big:,} candidates runs | {shared.beside_seconds:.1f} |

{shared.n_big_left:,} candidates of the other job were left when the small one had ended.
"""


def _counts(statuses: Counter[str]) -> str:
    return ", ".join(f"{n} of {status}" for status, n in sorted(statuses.items())) or "none"


if __name__ == "__main__":
    main()
