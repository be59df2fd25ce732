from datetime import UTC, datetime

from sqlalchemy import Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from crawlset.models.base import Base, Identified, Owned, Timestamped


class LaneHost(Base):
    """
    A host with many candidates, and the lanes in which every job asks it.

    It shares them with hosts that were first crawled beside it. They are named after one of these,
    the lead. A row is never changed: two jobs that disagreed would ask the host twice as often.
    """

    __tablename__ = "lane_hosts"
    __table_args__ = (Index(None, "lead"),)

    host: Mapped[str] = mapped_column(primary_key=True)
    lead: Mapped[str]


class HostProof(Identified, Owned, Timestamped, Base):
    """A host that a user says is theirs, and whether its server has shown the token."""

    __tablename__ = "host_proofs"
    __table_args__ = (
        Index(None, "user_id", "host", unique=True),
        Index(
            "ix_host_proofs_due",
            "next_check_at",
            postgresql_where=text("next_check_at IS NOT NULL"),
        ),
    )

    host: Mapped[str]
    """In its one spelling."""
    token: Mapped[str]
    n_attempts: Mapped[int] = mapped_column(server_default="0", default=0)
    n_unheard: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=0)
    """Attempts in a row that nobody has heard of."""
    next_check_at: Mapped[datetime | None]
    """None until somebody asks for a check, and after one that failed."""
    checked_at: Mapped[datetime | None]
    detail: Mapped[str | None]
    proven_until: Mapped[datetime | None]

    @property
    def path(self) -> str:
        return f"/.well-known/crawlset/{self.id}"

    @property
    def status(self) -> str:
        if self.proven_until is not None and self.proven_until > datetime.now(UTC):
            return "proven"
        if self.next_check_at is not None:
            return "checking"
        return "pending" if self.checked_at is None else "failed"
