"""The tick's part: queue the checks of hosts that are due."""

import json
from datetime import timedelta

from crawlset.hosts.repository import HostProofRepository
from crawlset.kit import db, queues
from crawlset.models import HostProof
from crawlset.settings import delivery_settings
from crawlset.wire.host_checks import HostCheck

LEASE = timedelta(minutes=15)
"""A check that nobody has heard of for so long was lost; the next one begins."""
MOST_UNHEARD = 5
"""Checks in a row that may be lost before the host is asked no more, until somebody wants it."""
ROUND = 100


def dispatch_due() -> int:
    """Queue what is due, up to a round of it; say how many."""
    with db.transaction() as session:
        leased = HostProofRepository(session).lease_due(ROUND, LEASE, MOST_UNHEARD)
    queues.send(
        delivery_settings().deliveries_queue_url,
        [
            {
                "Id": str(place),
                "MessageBody": json.dumps(_check(proof).to_json()),
                "MessageGroupId": str(proof.user_id),
            }
            for place, proof in enumerate(leased)
        ],
    )
    return len(leased)


def _check(proof: HostProof) -> HostCheck:
    urls = [f"{scheme}://{proof.host}{proof.path}" for scheme in ("https", "http")]
    return HostCheck(host_proof_id=proof.id, attempt=proof.n_attempts, urls=urls, token=proof.token)
