"""Write down how an attempt went."""

from datetime import timedelta
from http import HTTPStatus

from sqlalchemy import func

from crawlset.kit import db
from crawlset.observability import logger, metrics
from crawlset.webhooks.repository import DeliveryRepository, WebhookRepository
from crawlset.wire.deliveries import DeliveryResult

BACK_OFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
)
"""After each attempt but the last."""
MAX_ATTEMPTS = len(BACK_OFF) + 1
SUCCESSES = range(200, 300)


def record(result: DeliveryResult) -> None:
    """
    End the delivery, or say when to try it again.

    A result that comes twice, or after the next attempt has begun, changes nothing. A server that
    answers 410 wants no more of it: its webhook is disabled.
    """
    with db.transaction() as session:
        delivery = DeliveryRepository(session).find(result.delivery_id)
        if delivery is None or delivery.delivered_at is not None:
            return
        if delivery.n_attempts != result.attempt or delivery.next_attempt_at is None:
            return
        delivery.last_status, delivery.last_detail = result.status, result.detail
        is_delivered = result.status in SUCCESSES
        if is_delivered:
            delivery.delivered_at, delivery.next_attempt_at = func.now(), None
        elif result.status == HTTPStatus.GONE:
            WebhookRepository(session).disable(delivery.webhook_id)
            delivery.next_attempt_at = None
        elif result.attempt < MAX_ATTEMPTS:
            delivery.next_attempt_at = func.now() + BACK_OFF[result.attempt - 1]
        else:
            delivery.next_attempt_at = None
    metrics.add_metric(
        name="WebhooksDelivered" if is_delivered else "WebhooksFailed", unit="Count", value=1
    )
    logger.info(
        "webhook_attempted",
        delivery_id=str(result.delivery_id),
        attempt=result.attempt,
        status=result.status,
        detail=result.detail,
    )
