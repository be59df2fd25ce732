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
    max_active_jobs: Mapped[int] = mapped_column(server_default="10")
    """Crawl jobs that are pending or running at once."""
    max_images_per_job: Mapped[int] = mapped_column(server_default="10000000")
    max_stored_bytes: Mapped[int] = mapped_column(BigInteger, server_default="1099511627776")
    """In the packs of all jobs; no crawl job starts beyond it."""
    max_requests_per_minute: Mapped[int] = mapped_column(server_default="600")


class LoginIdentity(Owned, Base):
    """Who an identity provider's `subject` is here."""

    __tablename__ = "identities"
    __table_args__ = (Index(None, "user_id"),)

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RequestCount(Base):
    """Requests in the current minute. Written by the function `count_request` only."""

    __tablename__ = "request_counts"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("profiles.id", ondelete="CASCADE"), primary_key=True
    )
    window_start: Mapped[datetime]
    n_requests: Mapped[int]


class FailedAuthentication(Base):
    """Failed authentications of the newest minute that an address had any in."""

    __tablename__ = "failed_authentications"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    source: Mapped[str] = mapped_column(primary_key=True)
    """An IPv4 address or an IPv6 network."""
    window_start: Mapped[datetime]
    n_failures: Mapped[int]


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
