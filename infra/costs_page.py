"""
Write what deployments cost into docs/costs.md: `python infra/costs_page.py`.

What is paid for by the month is counted in template.yaml and infra/data.yaml, with the parameters
that nobody has to state; what is paid for by the image is what estimates say.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from crawlset import costs
from crawlset.costs import BilledWork, Cost
from crawlset.estimates import service as estimating
from crawlset.settings import CANDIDATES_PER_PART, CHUNK_URLS
from crawlset.tick import resting
from crawlset_local.template import defaults, load

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/costs.md"
HOURS = 730
MINUTES = HOURS * 60
DAYS = HOURS / 24

ENDPOINT_HOUR = 0.01
PROXY_ACU_HOUR = 0.015
PROXY_LEAST_ACUS = 8
SECRET = 0.40
KEY = 1.00
ALARM_METRIC = 0.10
DASHBOARD = 3.00
METRIC = 0.30
METRICS_AT_REST = 2
"""TickCompleted, and OutboxAge in hours with a round that asks the database."""
POLLERS = 5
"""Of each queue that has a maximum concurrency, however empty it is: each asks for 20 seconds."""
POLLS_A_MINUTE = 3
ROUND_SECONDS = 0.1
ROUND_LOG_BYTES = 1_500
AWAKE_SECONDS = 330
"""Of a database that is asked once: until it pauses, after five idle minutes."""
LEAST_ACUS = 0.5
LEAST_GB = 1.0

MONTHS = (10_000, 1_000_000, 100_000_000)
"""Images stored in one."""


class Line(NamedTuple):
    what: str
    basis: str
    dollars: float


def fixed() -> list[Line]:
    """What a month costs if nothing is crawled, with the database of infra/data.yaml."""
    service, data = load(ROOT / "template.yaml"), load(ROOT / "infra/data.yaml")
    zones = int(defaults(data)["EndpointZones"])
    least = float(defaults(data)["MinCapacity"])
    is_pausing = least == 0 and defaults(service)["DatabasePauses"] == "true"
    n_endpoints = len(
        [e for e in _of_type(data, "AWS::EC2::VPCEndpoint") if e["VpcEndpointType"] == "Interface"]
    )
    n_secrets, n_keys, n_boards, n_mappings = (
        len([*_of_type(service, kind), *_of_type(data, kind)])
        for kind in (
            "AWS::SecretsManager::Secret",
            "AWS::KMS::Key",
            "AWS::CloudWatch::Dashboard",
            "AWS::Lambda::EventSourceMapping",
        )
    )
    alarms = [*_of_type(service, "AWS::CloudWatch::Alarm")]
    n_watched = sum(
        len([m for m in alarm.get("Metrics", [{}]) if "Expression" not in m]) for alarm in alarms
    )
    n_proxies = len([*_of_type(data, "AWS::RDS::DBProxy")])
    n_polls = n_mappings * POLLERS * POLLS_A_MINUTE * MINUTES
    n_wakes = DAYS * 86400 / resting.LONGEST.total_seconds()
    acu_hours = n_wakes * AWAKE_SECONDS / 3600 * LEAST_ACUS if is_pausing else least * HOURS
    round_gib_seconds = (
        ROUND_SECONDS * service["Resources"]["TickFunction"]["Properties"]["MemorySize"] / 1024
    )
    rounds = MINUTES * (
        costs.LAMBDA_REQUEST
        + round_gib_seconds * costs.LAMBDA_GIB_SECOND
        + 2 * costs.S3_READ
        + ROUND_LOG_BYTES / costs.GB * costs.LOG_GB
    )
    return [
        Line(
            "interface endpoints",
            f"{n_endpoints} in {zones} zone",
            n_endpoints * zones * ENDPOINT_HOUR * HOURS,
        ),
        Line(
            "queues that are asked",
            f"{n_mappings} mappings, {n_polls / 1e6:.1f} million requests",
            n_polls * costs.SQS_REQUEST,
        ),
        Line(
            "Aurora, capacity",
            f"{acu_hours:.0f} ACU-hours, pauses" if is_pausing else f"{least} ACU",
            acu_hours * costs.AURORA_ACU_HOUR,
        ),
        Line("Aurora, storage", f"{LEAST_GB:.0f} GB", LEAST_GB * costs.AURORA_GB_MONTH),
        Line(
            "RDS Proxy",
            f"{n_proxies}",
            n_proxies * PROXY_LEAST_ACUS * PROXY_ACU_HOUR * HOURS,
        ),
        Line("alarms", f"{n_watched} metrics watched", n_watched * ALARM_METRIC),
        Line("secrets", f"{n_secrets}", n_secrets * SECRET),
        Line("keys", f"{n_keys}", n_keys * KEY),
        Line("metrics of our own", f"{METRICS_AT_REST}", METRICS_AT_REST * METRIC),
        Line("dashboards", f"{n_boards}", n_boards * DASHBOARD),
        Line("the tick", f"{MINUTES:,} rounds", rounds),
    ]


def work_of(n_images: int) -> BilledWork:
    """What so many stored images take by the defaults of an estimate."""
    usual = estimating.UNTRIED
    n_candidates = round(n_images * usual.n_candidates / usual.n_stored)
    n_chunks = -(-n_candidates // CHUNK_URLS)
    return BilledWork(
        n_searches=max(1, n_candidates // CANDIDATES_PER_PART),
        n_candidates=n_candidates,
        n_chunks=n_chunks,
        fetch_seconds=n_candidates / usual.n_candidates * usual.fetch_seconds,
        n_stored=n_images,
        bytes_stored=n_images * usual.bytes_stored // usual.n_stored,
    )


ROWS: list[tuple[str, Callable[[Cost], float]]] = [
    ("functions of the crawl", lambda c: c.aws_lambda),
    ("requests of S3, queues, API and functions", lambda c: c.s3 + c.sqs + c.requests),
    ("**compute, requests and queues**", lambda c: c.compute_requests_and_queues),
    ("database", lambda c: c.database),
    ("validating and exporting once", lambda c: c.pipeline),
    ("logs", lambda c: c.logs),
    ("storage, a month, and as long of an export", lambda c: c.storage),
    ("downloading once", lambda c: c.transfer),
]


def fixed_table() -> str:
    lines = fixed()
    rows = [f"| {line.what} | {line.basis} | {line.dollars:.2f} |" for line in lines]
    total = sum(line.dollars for line in lines)
    return "\n".join(
        ["| | | $ a month |", "| --- | --- | ---: |", *rows, f"| **all** | | **{total:.2f}** |"]
    )


def images_table() -> str:
    month = sum(line.dollars for line in fixed())
    paid = [costs.cost_of(work_of(n)) for n in MONTHS]
    rows = [
        f"| {name} | {' | '.join(f'{part(cost):,.2f}' for cost in paid)} |" for name, part in ROWS
    ]
    totals = " | ".join(f"**{cost.total + month:,.2f}**" for cost in paid)
    return "\n".join(
        [
            f"| $ a month | {' | '.join(f'{n:,} images' for n in MONTHS)} |",
            f"| --- |{' ---: |' * len(MONTHS)}",
            *rows,
            f"| fixed | {' | '.join([f'{month:,.2f}'] * len(MONTHS))} |",
            f"| **all** | {totals} |",
        ]
    )


def with_tables(page: str) -> str:
    """`page` with the tables of today between their marks."""
    for name, table in (("fixed", fixed_table()), ("images", images_table())):
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n{table}\n{end}{after}"
    return page


def _of_type(template: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    """Properties of the resources that there are without a parameter that says so."""
    for resource in template["Resources"].values():
        if resource["Type"] == kind and _holds(template, resource.get("Condition")):
            yield resource["Properties"]


def _holds(template: dict[str, Any], condition: str | None) -> bool:
    return condition is None or bool(_value(template, template["Conditions"][condition]))


def _value(template: dict[str, Any], expression: Any) -> Any:
    match expression:
        case {"Ref": str(name)}:
            return str(defaults(template)[name])
        case {"Fn::Equals": [one, other]}:
            return str(_value(template, one)) == str(_value(template, other))
        case {"Fn::And": each}:
            return all(_value(template, one) for one in each)
        case {"Fn::Not": [one]}:
            return not _value(template, one)
    return expression


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
