"""The tick's part: sign what is due, and put it on the queue to `deliver`."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from crawlset import outbox
from crawlset.kit import db
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
SQS_BATCH = 10
KEPT = timedelta(days=30)


def dispatch_due() -> int:
    """Send what is due to the queue, in rounds; say how many."""
    n_sent = 0
    while n_sent < MAX_DISPATCHED:
        with db.transaction() as session:
            leased = DeliveryRepository(session).lease_due(ROUND, LEASE, MAX_ATTEMPTS)
        if not leased:
            break
        _send([_signed(one) for one in leased])
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


def _send(messages: Sequence[SignedDelivery]) -> None:
    """What the queue does not take is due again when its lease ends."""
    for start in range(0, len(messages), SQS_BATCH):
        batch = messages[start : start + SQS_BATCH]
        try:
            answer = outbox.sqs().send_message_batch(
                QueueUrl=delivery_settings().deliveries_queue_url,
                Entries=[
                    {"Id": str(place), "MessageBody": json.dumps(message.to_json())}
                    for place, message in enumerate(batch)
                ],
            )
        except (BotoCoreError, ClientError):
            logger.exception("deliveries_not_sent", deliveries=len(batch))
            continue
        for failed in answer.get("Failed", ()):
            logger.warning("delivery_not_sent", code=failed["Code"])
