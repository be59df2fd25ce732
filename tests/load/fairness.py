"""How long another tenant's small job takes while a tenant's big one runs."""

import time
from dataclasses import dataclass

from tests.e2e.http_clients import Api, SampleSite, wait_for
from tests.load.clients import Tenant

SMALL = {"keywords": ["cat", "coffee"], "sources": ["sample"], "max_images": 100, "name": "small"}
PATIENCE_SECONDS = 120
"""Of a machine that has nothing else to do; `wait_for` waits for longer."""


@dataclass(frozen=True)
class Fairness:
    n_big: int
    """Candidates of the big job."""
    alone_seconds: float
    beside_seconds: float
    n_big_left: int
    """Candidates of the big job that were not settled when the small one was done."""


def measure(big: Tenant, small: Tenant, n_big: int) -> Fairness:
    _time_small_job(small)  # whatever starts cold starts here
    alone = _time_small_job(small)
    with Api.of(big.address, big.project) as api, SampleSite.of(big.address) as site:
        job_id = _create_big_job(api, "\n".join(site.manifest(n_big)))
        wait_for(
            lambda: api.job(job_id)["progress"],
            lambda progress: n_big == progress["candidates"] > progress["pending"],
            PATIENCE_SECONDS,
        )
        beside = _time_small_job(small)
        n_left = api.job(job_id)["progress"]["pending"]
        api.post(f"{api.job_path(job_id)}/cancel")
    return Fairness(n_big, alone, beside, n_left)


def _time_small_job(tenant: Tenant) -> float:
    """Seconds from its creation to its end."""
    with Api.of(tenant.address, tenant.project) as api:
        began = time.monotonic()
        job = api.wait_for_job(api.create_job(**SMALL), PATIENCE_SECONDS)
        seconds = time.monotonic() - began
    if job["status"] != "completed":
        raise SystemExit(f"The small job ended as {job['status']}: {job['error_message']}")
    return seconds


def _create_big_job(api: Api, manifest: str) -> str:
    return api.create_job(sources=["urls"], upload_id=api.upload(manifest.encode()))
