from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from crawlset.models.base import Base, Identified, Owned, Timestamped


class Profile(Identified, Timestamped, Base):
    __tablename__ = "profiles"
    __table_args__ = (Index(None, "email", unique=True),)

    email: Mapped[str]
    name: Mapped[str]


class ApiKey(Identified, Owned, Base):
    __tablename__ = "api_keys"
    __table_args__ = (Index(None, "prefix", unique=True), Index(None, "user_id"))

    name: Mapped[str]
    prefix: Mapped[str]
    key_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ActivityLog(Owned, Base):
    __tablename__ = "activity_logs"
    __table_args__ = (Index(None, "user_id"), Index(None, "timestamp"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, sort_order=-2)
    timestamp: Mapped[datetime] = mapped_column(server_default=func.now())
    action: Mapped[str]
    resource_type: Mapped[str]
    resource_id: Mapped[UUID | None]
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", server_default="{}")


class IdempotencyKey(Base):
    """The answer that a creating request gave, kept in the transaction that created."""

    __tablename__ = "idempotency_keys"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("profiles.id", ondelete="CASCADE"), primary_key=True, sort_order=-1
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
