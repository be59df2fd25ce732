"""Clients of many tenants that read and write at once, and what they were answered."""

import random
import statistics
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from crawlset_local.cloud import LocalCloud
from tests.e2e.http_clients import Address, Api

TIMEOUT = 60
SAMPLE = {"keywords": ["cat"], "sources": ["sample"], "max_images": 10, "name": "small"}


@dataclass(frozen=True)
class Tenant:
    """An account with an API key of its own, a project, and a finished job in it."""

    address: Address
    project: str
    job: str

    @property
    def job_path(self) -> str:
        return f"/api/projects/{self.project}/crawl-jobs/{self.job}"


@dataclass(frozen=True)
class Kind:
    """A request, and how often it is made among the others."""

    name: str
    method: str
    path: Callable[[Tenant], str]
    weight: int
    body: Callable[[], Any] = lambda: None


KINDS = [
    Kind("list projects", "GET", lambda _: "/api/projects", 10),
    Kind("list jobs", "GET", lambda t: f"/api/projects/{t.project}/crawl-jobs", 20),
    Kind("get a job", "GET", lambda t: t.job_path, 30),
    Kind("list images", "GET", lambda t: f"{t.job_path}/images", 15),
    Kind("list events", "GET", lambda t: f"{t.job_path}/events", 10),
    Kind(
        "rename a project",
        "PATCH",
        lambda t: f"/api/projects/{t.project}",
        10,
        lambda: {"name": str(uuid4())},
    ),
    Kind("create a project", "POST", lambda _: "/api/projects", 4, lambda: {"name": str(uuid4())}),
    Kind(
        "create a job of 10 images",
        "POST",
        lambda t: f"/api/projects/{t.project}/crawl-jobs",
        1,
        lambda: SAMPLE,
    ),
]


@dataclass(frozen=True)
class Measured:
    kind: str
    milliseconds: list[float]
    """Of answers below 400."""
    statuses: Counter[str]
    """How often each other answer came, or no answer: the name of what went wrong."""

    def percentile(self, hundredth: int) -> float:
        if len(self.milliseconds) < 2:
            return sum(self.milliseconds)
        return statistics.quantiles(self.milliseconds, n=100, method="inclusive")[hundredth - 1]


def create_tenant(cloud: LocalCloud, number: int) -> Tenant:
    profile = {"email": f"tenant{number}@example.org", "name": f"Tenant {number}"}
    made = cloud.invoke("MigrateFunction", {"action": "create_profile", **profile})
    address = Address(cloud.api_url, made["api_key"], cloud.sample_url)
    with Api.of(address) as api:
        job = api.wait_for_job(api.create_job(**SAMPLE), 120)
        return Tenant(address, api.project, job["id"])


def run(tenants: Sequence[Tenant], n_clients: int, seconds: float) -> list[Measured]:
    """Let clients, spread over tenants, each make one request after another for so long."""
    end = time.monotonic() + seconds
    times: dict[str, list[float]] = defaultdict(list)
    statuses: dict[str, Counter[str]] = defaultdict(Counter)
    lock = threading.Lock()

    def work(number: int) -> None:
        tenant = tenants[number % len(tenants)]
        choose = random.Random(number)
        headers = {"Authorization": f"Bearer {tenant.address.api_key}"}
        with httpx.Client(
            base_url=tenant.address.api_url, headers=headers, timeout=TIMEOUT
        ) as client:
            while time.monotonic() < end:
                (kind,) = choose.choices(KINDS, [kind.weight for kind in KINDS])
                milliseconds, status = _ask(client, kind, tenant)
                with lock:
                    if status is None:
                        times[kind.name].append(milliseconds)
                    else:
                        statuses[kind.name][status] += 1

    with ThreadPoolExecutor(n_clients) as pool:
        list(pool.map(work, range(n_clients)))
    return [Measured(kind.name, times[kind.name], statuses[kind.name]) for kind in KINDS]


def _ask(client: httpx.Client, kind: Kind, tenant: Tenant) -> tuple[float, str | None]:
    """How long it took, and what was wrong with the answer, if anything."""
    began = time.perf_counter()
    try:
        answer = client.request(kind.method, kind.path(tenant), json=kind.body())
    except httpx.HTTPError as error:
        return 0.0, type(error).__name__
    milliseconds = (time.perf_counter() - began) * 1000
    return milliseconds, None if answer.is_success else str(answer.status_code)
