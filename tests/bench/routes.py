"""
How long each route of the API takes, and what it asks of the database.

`python -m tests.bench.routes [--write]`. Against a local cloud of its own: milliseconds by HTTP
over one kept connection, and round trips to the database counted in this process, where the API's
handlers run on the same database. `--write` puts the table into docs/benchmarks.md.
"""

import argparse
import io
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import track
from sqlalchemy import Engine, create_engine, event, make_url

from crawlset_local.cloud import LocalCloud
from crawlset_local.ports import free_ports
from tests.bench.document import machine, put_section
from tests.bench.furnished import NOT_COUNTED, Asked, Furnished, furnish
from tests.e2e.issuer import AUDIENCE, issuing
from tests.integration.api import Api

N_READS = 200
N_WRITES = 20
WARM_UP = 5


@dataclass(frozen=True)
class Measured:
    route: str
    n: int
    p50_ms: float
    p99_ms: float
    round_trips: int | None
    """None where they are not counted."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, issuing() as issuer:
        cloud = LocalCloud(
            Path(directory) / "home",
            free_ports(),
            parameters={"OidcIssuer": issuer.url, "OidcAudience": AUDIENCE},
        )
        with cloud, furnish(cloud, issuer.token()) as furnished:
            results = measure(cloud, furnished)
        cloud.erase()
    text = page(results)
    Console().print(text, soft_wrap=True, markup=False)
    if arguments.write:
        put_section("routes", text)


def measure(cloud: LocalCloud, furnished: Furnished) -> list[Measured]:
    with httpx.Client(base_url=cloud.api_url, timeout=60) as client, counting(cloud) as counter:
        return [
            _measure(client, counter, route, furnished)
            for route in track(furnished.routes, "Routes", console=Console(stderr=True))
        ]


def _measure(
    client: httpx.Client, counter: "Counter", route: str, furnished: Furnished
) -> Measured:
    n = N_READS if route.startswith("GET") else N_WRITES
    for _ in range(WARM_UP):
        _ask(client, furnished.ask(route))
    times = [_ask(client, furnished.ask(route)) for _ in range(n)]
    return Measured(
        route,
        n,
        statistics.median(times),
        statistics.quantiles(times, n=100)[98],
        None if route in NOT_COUNTED else counter.of(furnished.ask(route), furnished.user),
    )


def _ask(client: httpx.Client, asked: Asked) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    answer = client.request(asked.method, asked.path, json=asked.body, headers=asked.headers)
    milliseconds = (time.perf_counter() - began) * 1000
    if not answer.is_success:
        raise SystemExit(f"{asked.method} {asked.path}: {answer.status_code} {answer.text}")
    return milliseconds


class Counter:
    """Counts what travels to the database and back: statements, BEGINs and COMMITs."""

    def __init__(self, engine: Engine) -> None:
        self.n = 0
        for name in ("before_cursor_execute", "begin", "commit", "rollback"):
            event.listen(engine, name, self._count)

    def of(self, asked: Asked, user: Api) -> int:
        before = self.n
        with redirect_stdout(io.StringIO()):  # its metrics
            answer = user.ask(asked.method, asked.path, asked.body)
        if answer.status >= httpx.codes.BAD_REQUEST:
            raise SystemExit(f"{asked.method} {asked.path}: {answer}")
        return self.n - before

    def _count(self, *_: object, **__: object) -> None:
        self.n += 1


@contextmanager
def counting(cloud: LocalCloud) -> Iterator[Counter]:
    """The API's handlers on the cloud's database, in the role that they have there."""
    from crawlset.kit import db  # noqa: PLC0415 - once the environment names the cloud

    secret = cloud.client("secretsmanager").get_secret_value(
        SecretId=cloud.stack.outputs["ApiDatabaseSecretArn"]
    )
    url = make_url(json.loads(secret["SecretString"])["dsn"])
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"), connect_args={"prepare_threshold": None}
    )
    real = db.engine
    logging.disable()
    db.engine = lambda: engine  # type: ignore[assignment]
    try:
        yield Counter(engine)
    finally:
        db.engine = real
        logging.disable(logging.NOTSET)
        engine.dispose()


def page(results: list[Measured]) -> str:
    lines = [
        "## Each route of the API",
        "",
        f"`python -m tests.bench.routes` on {machine()}: through the whole local cloud (gateway,",
        "emulator, function), one request after another on a kept connection. The account has 50",
        "crawl jobs. Round trips to the database are statements, with the BEGIN and COMMIT of",
        "their transactions and the setting of the tenant in each: three of each request count",
        "it, and three more surround its own. What a POST starts (searches, chunks, pipelines)",
        "runs on the same two cores meanwhile.",
        "",
        "| route | n | p50 ms | p99 ms | round trips |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in results:
        trips = "" if one.round_trips is None else one.round_trips
        lines.append(f"| `{one.route}` | {one.n} | {one.p50_ms:.0f} | {one.p99_ms:.0f} | {trips} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
