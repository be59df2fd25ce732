from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Identity,
    Index,
    LargeBinary,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from crawlset.models.base import (
    Base,
    Identified,
    Owned,
    Timestamped,
    child_key,
    one_of,
    parent,
)


class Target(StrEnum):
    """Where a message may go: a queue, or the pipeline's state machine."""

    discover = "discover"
    plan = "plan"
    chunks = "chunks"
    host_lanes = "host_lanes"
    results = "results"
    takedowns = "takedowns"
    pipeline = "pipeline"


class OutboxMessage(Base):
    """
    A message that the transaction wants sent. It holds ids only, and is gone once it has been sent.

    Row-level security shows a tenant's to that tenant and the tick, who alone sees nobody's.
    """

    __tablename__ = "outbox_messages"
    __table_args__ = (one_of("target", Target), Index(None, "leased_until", "id"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[UUID | None] = mapped_column(server_default=text("app_user_id()"))
    """Whom the transaction acted for; it outlives its owner."""
    target: Mapped[Target]
    body: Mapped[dict[str, Any]]
    group_id: Mapped[str | None]
    deduplication_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    leased_until: Mapped[datetime] = mapped_column(server_default=func.now())
    """A relay is sending it until then; afterwards another may."""


class FolderRemoval(Base):
    """
    A folder of the bucket whose job was deleted: its objects are to be removed.

    Made by triggers; only the role of the tick sees it.
    """

    __tablename__ = "folder_removals"
    __table_args__ = (Index(None, "due_at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    prefix: Mapped[str]
    deleted_at: Mapped[datetime] = mapped_column(server_default=func.now())
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Webhook(Identified, Owned, Timestamped, Base):
    __tablename__ = "webhooks"
    __table_args__ = (
        child_key(),
        Index(None, "user_id"),
        CheckConstraint("num_nonnulls(secret, encrypted_secret) = 1", name="one_secret"),
    )

    url: Mapped[str]
    events: Mapped[list[str]]
    clear_secret: Mapped[bytes | None] = mapped_column("secret", LargeBinary, deferred=True)
    """What an older version stored, until the tick has encrypted it."""
    encrypted_secret: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """Only the role of the tick may read it, and decrypt it."""
    is_enabled: Mapped[bool] = mapped_column(server_default="true", default=True)


class WebhookDelivery(Identified, Owned, Timestamped, Base):
    """An event on its way to a webhook. Made by a trigger."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        parent("webhooks", "webhook_id"),
        Index(None, "webhook_id", "event_id", unique=True),
        Index(None, "created_at"),
        Index(
            "ix_webhook_deliveries_due",
            "next_attempt_at",
            postgresql_where=text("delivered_at IS NULL"),
        ),
    )

    webhook_id: Mapped[UUID]
    event_id: Mapped[int] = mapped_column(BigInteger)
    event: Mapped[dict[str, Any]]
    """What is sent: `type`, `timestamp`, `data`."""
    n_attempts: Mapped[int] = mapped_column(server_default="0", default=0)
    next_attempt_at: Mapped[datetime | None]
    """None once it has been delivered or given up."""
    delivered_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_detail: Mapped[str | None]

    @property
    def status(self) -> str:
        if self.delivered_at is not None:
            return "delivered"
        return "failed" if self.next_attempt_at is None else "pending"
