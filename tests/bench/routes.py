"""
How long each route of the API takes, and what it asks of the database.

`python -m tests.bench.routes [--only WORD] [--write]`. Against a local cloud of its own:
milliseconds by HTTP over one kept connection, and round trips to the database counted in this
process, where the API's handlers run on the same database. `--only POST` leaves out routes without
that word. `--write` puts the table into docs/benchmarks.md.
"""

import argparse
import io
import logging
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from rich.console import Console
from rich.progress import track
from sqlalchemy import Engine, event

from crawlset_local.cloud import LocalCloud
from tests.bench import figures
from tests.bench.document import machine, put_section
from tests.bench.full_account import (
    JOB,
    JOBS,
    NOT_COUNTED,
    SESSION,
    TEMPLATES,
    Asked,
    Furnished,
    furnish,
)
from tests.e2e.issuer import AUDIENCE, issuing
from tests.integration.api import Api
from tests.integration.database_relay import Relay, relaying
from tests.ports import free_ports

N_READS = 200
N_WRITES = 50
N_SESSIONS = 20
"""Each leaves an API key, and an account may have 50."""

WARM_UP = 10
HEALTH = "GET /api/health"
"""Asked after each request: it does nothing, so its time is that of the gateway and the machine."""

NOT_ITS_OWN = ("count_request", "set_config")
"""In the statements that any route makes: the count of requests, and who asks."""

STARTS_WORK = (
    f"POST {JOBS}",
    f"POST {JOB}/retry",
    f"POST {JOB}/recrawl",
    f"POST {JOB}/validation-jobs",
    f"POST {JOB}/pipeline",
    f"POST {JOB}/export-jobs",
    f"POST {TEMPLATES}/{{template_id}}/start",
    "POST /api/datasets",
)
LIST_OF_JOBS = "GET /api/projects/{project_id}/crawl-jobs"
LIST_MAY_ASK = 2
"""Statements that a list of 50 jobs may make of its own."""


@dataclass(frozen=True)
class Counts:
    round_trips: int
    n_own: int
    """Statements that are the route's own."""


@dataclass(frozen=True)
class Measured:
    route: str
    n: int
    p50_ms: float
    p99_ms: float
    health_p50_ms: float
    """Of `HEALTH` in the meantime."""
    health_p99_ms: float
    counts: Counts | None
    """None where they are not counted."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="WORD")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, issuing() as issuer:
        cloud = LocalCloud(
            Path(directory) / "home",
            free_ports(),
            parameters={"OidcIssuer": issuer.url, "OidcAudience": AUDIENCE},
        )
        with cloud, furnish(cloud, issuer.token()) as furnished:
            routes = [route for route in furnished.routes if arguments.only in route]
            results = measure(cloud, furnished, routes)
        cloud.erase()
    starts = [one for one in results if one.route in STARTS_WORK]
    slowest = {
        "starts.p50_ms": [max(one.p50_ms for one in starts)],
        "starts.p99_ms": [max(one.p99_ms for one in starts)],
    }
    figures.keep("routes", slowest)
    text = page(results)
    Console().print(text, soft_wrap=True, markup=False)
    if arguments.write:
        put_section("routes", text)


def measure(cloud: LocalCloud, furnished: Furnished, routes: list[str]) -> list[Measured]:
    with httpx.Client(base_url=cloud.api_url, timeout=60) as client, counting() as counter:
        return [
            _told(_measure(client, counter, route, furnished))
            for route in track(routes, "Routes", console=Console(stderr=True))
        ]


def _told(one: Measured) -> Measured:
    """Show it at once: a request that fails later ends the bench."""
    Console(stderr=True).print(_row(one), soft_wrap=True, markup=False)
    return one


def _measure(
    client: httpx.Client, counter: "Counter", route: str, furnished: Furnished
) -> Measured:
    n = N_READS if route.startswith("GET") else N_SESSIONS if route == SESSION else N_WRITES
    for _ in range(WARM_UP):
        _ask(client, furnished.ask(route))
    times, idle = [], []
    for _ in range(n):
        times.append(_ask(client, furnished.ask(route)))
        idle.append(_ask(client, furnished.ask(HEALTH)))
    return Measured(
        route,
        n,
        statistics.median(times),
        _p99(times),
        statistics.median(idle),
        _p99(idle),
        None if route in NOT_COUNTED else counter.of(route, furnished.ask(route), furnished.user),
    )


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[98]


def _ask(client: httpx.Client, asked: Asked) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    answer = client.request(
        asked.method, asked.path, params=asked.query, json=asked.body, headers=asked.headers
    )
    milliseconds = (time.perf_counter() - began) * 1000
    if not answer.is_success:
        raise SystemExit(f"{asked.method} {asked.path}: {answer.status_code} {answer.text}")
    return milliseconds


class Counter:
    """Counts round trips through `relay` to the database, and statements of `engine`."""

    def __init__(self, engine: Engine, relay: Relay) -> None:
        self._relay = relay
        self._n_own = 0
        event.listen(engine, "before_cursor_execute", self._count_statement)

    def of(self, route: str, asked: Asked, user: Api) -> Counts:
        user.call("GET", "/api/projects")  # so that the connection was just used
        self._n_own = 0
        before = self._relay.n_round_trips
        with redirect_stdout(io.StringIO()):  # its metrics
            answer = user.ask(asked.method, asked.path, asked.body, asked.query)
        if answer.status >= httpx.codes.BAD_REQUEST:
            raise SystemExit(f"{asked.method} {asked.path}: {answer}")
        if route == LIST_OF_JOBS and self._n_own > LIST_MAY_ASK:
            raise SystemExit(f"{route} makes {self._n_own} statements, not {LIST_MAY_ASK}")
        return Counts(self._relay.n_round_trips - before, self._n_own)

    def _count_statement(self, _c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self._n_own += not any(name in statement for name in NOT_ITS_OWN)


@contextmanager
def counting() -> Iterator[Counter]:
    """The API's handlers on the cloud's database, which they reach through a relay."""
    from crawlset.kit import database_address, db  # noqa: PLC0415 - once the environment names the cloud

    logging.disable()
    try:
        with relaying(database_address.database_url()) as (relay, url):
            db.engine.cache_clear()
            with patch.object(database_address, "database_url", return_value=url):
                yield Counter(db.engine(), relay)
            db.engine().dispose()
    finally:
        db.engine.cache_clear()
        logging.disable(logging.NOTSET)


def page(results: list[Measured]) -> str:
    lines = [
        "## Each route of the API",
        "",
        f"`python -m tests.bench.routes` on {machine()}.",
        "",
        "Milliseconds are by HTTP through the whole local cloud, one request after another on a",
        "kept connection, on a project of 50 crawl jobs (listed at once), one of 500 images; what",
        "a POST starts runs on the same two cores meanwhile. Round trips to the database are",
        "counted with the handler in one process, and left out for routes without a caller or of",
        "another function: one counts the request, one commits, around those of the route's own",
        "statements; several may go in one message, and messages that were sent are forgotten in",
        "one more. `/api/health`, which does nothing, is asked after each request.",
        "",
        "| route | n | p50 ms | p99 ms | health p50, p99 | round trips | own statements |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += map(_row, sorted(results, key=lambda one: one.route.split()[::-1]))
    return "\n".join(lines)


def _row(one: Measured) -> str:
    counts = f"{one.counts.round_trips} | {one.counts.n_own}" if one.counts else " | "
    return (
        f"| `{one.route}` | {one.n} | {one.p50_ms:.0f} | {one.p99_ms:.0f}"
        f" | {one.health_p50_ms:.0f}, {one.health_p99_ms:.0f} | {counts} |"
    )


if __name__ == "__main__":
    main()
