"""How often a request waits for the database; each time is a way through a network and back."""

import json
from typing import Any

import pytest
from sqlalchemy.orm import Session

from functions.api import app
from tests.integration.database_relay import Relay
from tests.integration.tenants import Tenant, furnish

pytestmark = pytest.mark.usefixtures("bucket", "queues", "sample_source")

MOST = 5
READS = sorted(
    path for path, methods in json.loads(app.document())["paths"].items() if "get" in methods
)


@pytest.fixture
def tenant(owner: Session, relay: Relay) -> Tenant:
    return furnish(owner)


def test_a_read_waits_five_times_at_most(tenant: Tenant, relay: Relay) -> None:
    taken: dict[str, Any] = {}
    for path in READS:
        if path.endswith("/thumbnail"):
            continue
        tenant.api.call("GET", path.format(**tenant.ids))
        before = relay.n_round_trips
        status, _ = tenant.api.call("GET", path.format(**tenant.ids))
        taken[path] = (relay.n_round_trips - before, status)

    assert {path: n for path, (n, _) in taken.items() if n > MOST} == {}
