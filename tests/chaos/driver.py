"""
Run seeds: `python -m tests.chaos.driver --seeds 50`, or `--seed 17` to repeat one.

A seed is a plan: what each tenant does and which faults befall the world, in which order and after
which pauses. How the threads meet is left to the machine.
"""

import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.chaos import invariants
from tests.chaos.client import Client
from tests.chaos.faults import COSTLY, FAULTS
from tests.chaos.healing import heal
from tests.chaos.memory import Tenant
from tests.chaos.report import Report
from tests.chaos.sample import read_contents
from tests.chaos.traffic import SLOW_HOSTS, Traffic
from tests.chaos.world import World, wait
from tests.integration.webhook_receiver import receiving

TRAFFIC_SECONDS = 22.0
N_FAULTS = (3, 6)
N_URLS = 260
TENANTS = ("ada", "ben")
DAY = 26 * 3600.0
LOGS = Path(tempfile.gettempdir(), "crawlset-chaos")
"""Where seeds leave their logs."""


def run(seed: int, root: Path) -> Report:
    """One seed in a world of its own, below `root`, which is left with the logs of a broken one."""
    shutil.rmtree(root, ignore_errors=True)
    began = time.monotonic()
    chance = random.Random(seed)
    with receiving() as receiver, World(root, seed, receiver) as world:
        faults = _plan(chance)
        traffics = open_tenants(world, chance)
        opened = time.monotonic()
        _trouble(world, traffics, faults, chance)
        troubled = time.monotonic()
        healing = heal(world)
        for traffic in traffics:
            traffic.rest()
        found = invariants.check_moment(world, healing)
        let_a_day_pass(world)
        found += invariants.check_end(world)
        report = Report(
            seed=seed,
            faults=tuple(world.memory.faults),
            healing=healing,
            n_requeues=world.memory.n_requeues,
            n_answers=len(world.memory.answers),
            broken=tuple(found),
            seconds=(opened - began, troubled - opened, time.monotonic() - troubled),
            root=root,
        )
    world.erase()
    return report


def _plan(chance: random.Random) -> list[str]:
    """Names of faults, none twice, and one at most that takes long."""
    names = [*FAULTS]
    chance.shuffle(names)
    chosen: list[str] = []
    for name in names:
        if name not in COSTLY or not COSTLY.intersection(chosen):
            chosen.append(name)
    return chosen[: chance.randint(*N_FAULTS)]


def open_tenants(world: World, chance: random.Random) -> list[Traffic]:
    with httpx.Client(base_url=world.cloud.sample_url, timeout=60) as site:
        urls = site.get("/manifest", params={"count": 2 * N_URLS}).raise_for_status().text.split()
    urls = [url for url in urls if not any(host in url for host in SLOW_HOSTS)]
    urls = chance.sample(sorted(set(urls)), N_URLS)
    world.memory.contents = read_contents(urls, world.ports.sample)
    traffics = []
    for name in TENANTS:
        made = world.cloud.invoke(
            "MigrateFunction",
            {"action": "create_profile", "email": f"{name}@example.org", "name": name},
        )
        tenant = Tenant(name, made["profile_id"], made["api_key"])
        world.memory.tenants.append(tenant)
        own = random.Random(chance.getrandbits(64))
        client = Client(world.cloud.api_url, tenant.key, world.memory, own)
        world.closing.callback(client.close)
        traffics.append(Traffic(client, tenant, world.memory, urls, own))
    return traffics


def _trouble(
    world: World, traffics: list[Traffic], faults: list[str], chance: random.Random
) -> None:
    """Tenants at work and faults at once; it ends when the last fault has, and the last request."""
    are_over = threading.Event()

    def work(traffic: Traffic) -> None:
        traffic.open(world.receiver.url)
        until = time.monotonic() + TRAFFIC_SECONDS
        while time.monotonic() < until or not are_over.is_set():
            traffic.act()
            wait(traffic.chance.uniform(0.3, 2.0))

    def befall() -> None:
        try:
            wait(chance.uniform(2, 5))
            for name in faults:
                world.memory.faults.append(name)
                FAULTS[name](world, random.Random(chance.getrandbits(64)))
                wait(chance.uniform(0.5, 2))
        finally:
            are_over.set()

    with ThreadPoolExecutor(1 + len(traffics)) as threads:
        for done in [threads.submit(befall), *(threads.submit(work, t) for t in traffics)]:
            done.result()


def let_a_day_pass(world: World) -> None:
    """Two of the rounds in which the tick looks for what no row owns, and then a day."""
    for _ in range(2):
        (row,) = world.rows(
            "SELECT extract(epoch FROM date_trunc('hour', now()) + interval '1 hour' - now()) AS n"
        )
        world.jump(float(row["n"]) + 1)
        world.tick()
        heal(world, 60)
    world.jump(DAY)
    world.tick()
    heal(world, 60)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.chaos.driver", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how many, from --first on")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seed", type=int, help="this one only")
    parser.add_argument("--logs", type=Path, default=LOGS)
    chosen = parser.parse_args()
    first, n_seeds = (chosen.first, chosen.seeds) if chosen.seed is None else (chosen.seed, 1)
    reports = []
    for seed in range(first, first + n_seeds):
        try:
            reports.append(run(seed, chosen.logs / f"seed-{seed}"))
        except Exception:  # noqa: BLE001, the other seeds have something to say too
            print(f"seed {seed}: did not come to its end\n{traceback.format_exc()}", flush=True)
        else:
            print(reports[-1].line(), flush=True)
    if reports:
        longest = max(reports, key=lambda report: report.healing.seconds)
        print(f"longest healing: {longest.healing_text()} (seed {longest.seed})")
    return 1 if len(reports) < n_seeds or any(report.broken for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
