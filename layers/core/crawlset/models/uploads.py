from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from crawlset.models.base import Base, Identified, Owned


class Upload(Identified, Owned, Base):
    """An object below `uploads/`, or the right to put one there: a list of URLs or of hashes."""

    __tablename__ = "uploads"
    __table_args__ = (Index(None, "user_id"), Index(None, "project_id"), Index(None, "kept_until"))

    project_id: Mapped[UUID | None] = mapped_column(ForeignKey("projects.id", ondelete="SET NULL"))
    """Without one, the project is gone, and the object is to follow it."""
    n_bytes: Mapped[int] = mapped_column(BigInteger)
    """Size that was signed, which counts in the account's quota from then on."""
    signed_until: Mapped[datetime | None]
    """When the last link to put it ends; null for what the service wrote itself."""
    kept_until: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
