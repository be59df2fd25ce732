"""The tick's part: sign what is due, and put it on the queue to `deliver`."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from crawlset.kit import db, queues
from crawlset.observability import logger
from crawlset.settings import delivery_settings
from crawlset.webhooks import encryption, signing
from crawlset.webhooks.recording import MAX_ATTEMPTS
from crawlset.webhooks.repository import DeliveryRepository, Leased, WebhookRepository
from crawlset.wire.deliveries import SignedDelivery

LEASE = timedelta(minutes=15)
"""An attempt that nobody has heard of for so long was lost; the next one begins."""
ROUND = 100
MAX_DISPATCHED = 5_000
MAX_ENCRYPTED = 1_000
KEPT = timedelta(days=30)


def encrypt_clear_secrets() -> int:
    """
    Encrypt secrets that were stored before secrets were encrypted, in rounds; say how many.

    The key is asked while no transaction is open.
    """
    n_encrypted = 0
    while n_encrypted < MAX_ENCRYPTED:
        with db.transaction() as session:
            clear = WebhookRepository(session).list_clear_secrets(ROUND)
        if not clear:
            break
        key = encryption.key()
        encrypted = [(webhook_id, key.encrypt(secret, webhook_id)) for webhook_id, secret in clear]
        with db.transaction() as session:
            for webhook_id, encrypted_secret in encrypted:
                WebhookRepository(session).replace_clear_secret(webhook_id, encrypted_secret)
        n_encrypted += len(encrypted)
    return n_encrypted


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
                {
                    "Id": str(place),
                    "MessageBody": json.dumps(message.to_json()),
                    "MessageGroupId": str(user_id),
                }
                for place, (user_id, message) in enumerate(_signed(leased))
            ],
        )
        n_sent += len(leased)
    with db.transaction() as session:
        n_lost = DeliveryRepository(session).give_up_lost(MAX_ATTEMPTS)
    if n_lost:
        logger.warning("deliveries_lost", deliveries=n_lost)
    return n_sent


def _signed(leased: Sequence[Leased]) -> Iterator[tuple[UUID, SignedDelivery]]:
    """
    Each with whose it is.

    What no secret can be had for is left out and explained; its attempt counts.
    """
    for one in leased:
        try:
            secret = _secret_of(one)
        except encryption.UnreadableSecretError as error:
            logger.error("webhook_secret_unreadable", webhook_id=str(one.delivery.webhook_id))
            with db.transaction() as session:
                DeliveryRepository(session).explain(one.delivery.id, str(error))
        else:
            yield one.delivery.user_id, _message(one, secret)


def _secret_of(leased: Leased) -> bytes:
    if leased.encrypted_secret is not None:
        return _decrypted(leased.delivery.webhook_id, leased.encrypted_secret)
    if leased.clear_secret is None:
        raise encryption.UnreadableSecretError
    return leased.clear_secret


@lru_cache(maxsize=1_000)
def _decrypted(webhook_id: UUID, encrypted_secret: bytes) -> bytes:
    """Kept, since KMS is paid by the request, and a webhook is told of many events."""
    return encryption.key().decrypt(encrypted_secret, webhook_id)


def _message(leased: Leased, secret: bytes) -> SignedDelivery:
    delivery = leased.delivery
    body = json.dumps(delivery.event, separators=(",", ":"))
    headers = signing.headers(secret, str(delivery.id), datetime.now(UTC), body)
    return SignedDelivery(
        delivery_id=delivery.id,
        attempt=delivery.n_attempts,
        url=leased.url,
        headers=headers | {"content-type": "application/json"},
        body=body,
    )
