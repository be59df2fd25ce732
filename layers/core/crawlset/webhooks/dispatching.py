"""The tick's part: sign what is due, and put it on the queue to `deliver`."""

import json
from datetime import UTC, datetime, timedelta

from crawlset.kit import db, queues
from crawlset.observability import logger
from crawlset.settings import delivery_settings
from crawlset.webhooks import signing
from crawlset.webhooks.recording import MAX_ATTEMPTS
from crawlset.webhooks.repository import DeliveryRepository, Leased
from crawlset.wire.deliveries import SignedDelivery

LEASE = timedelta(minutes=15)
"""An attempt that nobody has heard of for so long was lost; the next one begins."""
ROUND = 100
MAX_DISPATCHED = 5_000
KEPT = timedelta(days=30)


def dispatch_due() -> int:
    """
    Send what is due to the queue, in rounds; say how many.

    What the queue does not take is due again when its lease ends.
    """
    n_sent = 0
    while n_sent < MAX_DISPATCHED:
        with db.transaction() as session:
            leased = DeliveryRepository(session).lease_due(ROUND, LEASE, MAX_ATTEMPTS)
        if not leased:
            break
        queues.send(
            delivery_settings().deliveries_queue_url,
            [
                {"Id": str(place), "MessageBody": json.dumps(_signed(one).to_json())}
                for place, one in enumerate(leased)
            ],
        )
        n_sent += len(leased)
    with db.transaction() as session:
        n_lost = DeliveryRepository(session).give_up_lost(MAX_ATTEMPTS)
    if n_lost:
        logger.warning("deliveries_lost", deliveries=n_lost)
    return n_sent


def _signed(leased: Leased) -> SignedDelivery:
    delivery, url, secret = leased
    body = json.dumps(delivery.event, separators=(",", ":"))
    headers = signing.headers(secret, str(delivery.id), datetime.now(UTC), body)
    return SignedDelivery(
        delivery_id=delivery.id,
        attempt=delivery.n_attempts,
        url=url,
        headers=headers | {"content-type": "application/json"},
        body=body,
    )
