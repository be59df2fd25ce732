"""Every query about webhooks and their deliveries."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from crawlset.kit import db
from crawlset.kit.paging import Slice
from crawlset.models import Webhook, WebhookDelivery
from crawlset.webhooks.schemas import DeliveryStatus

IS_DELIVERED = WebhookDelivery.delivered_at.is_not(None)
IS_WAITING = WebhookDelivery.next_attempt_at.is_not(None)
CONDITIONS: dict[DeliveryStatus, ColumnElement[bool]] = {
    DeliveryStatus.pending: ~IS_DELIVERED & IS_WAITING,
    DeliveryStatus.delivered: IS_DELIVERED,
    DeliveryStatus.failed: ~IS_DELIVERED & ~IS_WAITING,
}


class Leased(NamedTuple):
    delivery: WebhookDelivery
    url: str
    clear_secret: bytes | None
    encrypted_secret: bytes | None


class WebhookRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, user_id: UUID, webhook_id: UUID) -> Webhook | None:
        return self.session.scalar(
            select(Webhook).where(Webhook.id == webhook_id, Webhook.user_id == user_id)
        )

    def lock(self, webhook: Webhook) -> None:
        self.session.refresh(webhook, with_for_update={"key_share": True})

    def count(self, user_id: UUID) -> int:
        statement = select(func.count(Webhook.id)).where(Webhook.user_id == user_id)
        return self.session.scalar(statement) or 0

    def list_page(self, user_id: UUID, after: str | None, limit: int) -> Slice[Webhook]:
        statement = select(Webhook).where(Webhook.user_id == user_id)
        return db.list_page(self.session, statement, Webhook.id, after, limit)

    def list_clear_secrets(self, limit: int) -> Sequence[tuple[UUID, bytes]]:
        """(webhook, secret) of any owner whose secret is not encrypted yet."""
        rows = self.session.execute(
            select(Webhook.id, Webhook.clear_secret)
            .where(Webhook.clear_secret.is_not(None))
            .limit(limit)
        )
        return [(webhook_id, secret) for webhook_id, secret in rows if secret is not None]

    def replace_clear_secret(self, webhook_id: UUID, encrypted_secret: bytes) -> None:
        self.session.execute(
            update(Webhook)
            .where(Webhook.id == webhook_id, Webhook.clear_secret.is_not(None))
            .values(
                clear_secret=None,
                encrypted_secret=encrypted_secret,
                updated_at=Webhook.updated_at,
            )
            .execution_options(synchronize_session=False)
        )

    def disable(self, webhook_id: UUID) -> None:
        self.session.execute(
            update(Webhook)
            .where(Webhook.id == webhook_id)
            .values(is_enabled=False)
            .execution_options(synchronize_session=False)
        )
        self.give_up(webhook_id)

    def give_up(self, webhook_id: UUID) -> None:
        """Try nothing again that waits."""
        self.session.execute(
            update(WebhookDelivery)
            .where(WebhookDelivery.webhook_id == webhook_id, CONDITIONS[DeliveryStatus.pending])
            .values(next_attempt_at=None)
        )


class DeliveryRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, webhook: Webhook, delivery_id: UUID) -> WebhookDelivery | None:
        return self.session.scalar(
            select(WebhookDelivery)
            .where(WebhookDelivery.id == delivery_id, WebhookDelivery.webhook_id == webhook.id)
            .with_for_update(key_share=True)
        )

    def find(self, delivery_id: UUID) -> WebhookDelivery | None:
        """The delivery a message names, locked. From here the transaction acts for its owner."""
        db.look_up(self.session, "delivery_id", str(delivery_id))
        delivery: WebhookDelivery | None = db.find_and_act_for_owner(
            self.session, WebhookDelivery, delivery_id
        )
        if delivery is not None:
            self.session.refresh(delivery, with_for_update={"key_share": True})
        return delivery

    def list_page(
        self, webhook: Webhook, status: DeliveryStatus | None, after: str | None, limit: int
    ) -> Slice[WebhookDelivery]:
        """By event, newest first."""
        statement = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook.id)
        if status is not None:
            statement = statement.where(CONDITIONS[status])
        return db.list_page(self.session, statement, WebhookDelivery.event_id, after, limit)

    def lease_due(self, limit: int, lease: timedelta, max_attempts: int) -> Sequence[Leased]:
        """Take what is due, of any owner, as one more attempt; it is due again after `lease`."""
        due = (
            select(WebhookDelivery.id)
            .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
            .where(
                CONDITIONS[DeliveryStatus.pending],
                WebhookDelivery.next_attempt_at <= func.now(),
                WebhookDelivery.n_attempts < max_attempts,
                Webhook.is_enabled,
            )
            .order_by(WebhookDelivery.next_attempt_at)
            .limit(limit)
            .with_for_update(skip_locked=True, of=WebhookDelivery)
        )
        rows = self.session.execute(
            update(WebhookDelivery)
            .where(
                WebhookDelivery.id.in_(due.scalar_subquery()),
                Webhook.id == WebhookDelivery.webhook_id,
            )
            .values(n_attempts=WebhookDelivery.n_attempts + 1, next_attempt_at=func.now() + lease)
            .returning(WebhookDelivery, Webhook.url, Webhook.clear_secret, Webhook.encrypted_secret)
            .execution_options(synchronize_session=False)
        )
        leased = [Leased(*row) for row in rows]
        return sorted(leased, key=lambda one: one.delivery.event_id)

    def explain(self, delivery_id: UUID, detail: str) -> None:
        """Say why nothing was sent."""
        self.session.execute(
            update(WebhookDelivery)
            .where(WebhookDelivery.id == delivery_id)
            .values(last_status=None, last_detail=detail)
            .execution_options(synchronize_session=False)
        )

    def give_up_lost(self, max_attempts: int) -> int:
        """End what was lost on its way at the last attempt; say how many."""
        ended = self.session.execute(
            update(WebhookDelivery)
            .where(
                CONDITIONS[DeliveryStatus.pending],
                WebhookDelivery.next_attempt_at <= func.now(),
                WebhookDelivery.n_attempts >= max_attempts,
            )
            .values(next_attempt_at=None)
            .returning(WebhookDelivery.id)
        )
        return len(ended.all())
