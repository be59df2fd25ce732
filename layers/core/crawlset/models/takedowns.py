from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crawlset.models.base import Base, Identified, Owned, Timestamped, child_key, one_of, parent
from crawlset.outcomes import ImageStatus, Outcome


class TakedownKind(StrEnum):
    url = "url"
    host = "host"
    creator = "creator"
    look_alike = "look_alike"


class TakedownStatus(StrEnum):
    """
    States of a takedown.

    pending -> hidden -> removing -> completed; from the first two, until the grace is over,
    -> revoking -> revoked.
    """

    pending = "pending"
    hidden = "hidden"
    removing = "removing"
    completed = "completed"
    revoking = "revoking"
    revoked = "revoked"


REVOKED = (TakedownStatus.revoking, TakedownStatus.revoked)
"""In neither of these a takedown keeps anything out."""


class Takedown(Identified, Owned, Timestamped, Base):
    """What was asked to be removed from a project, and so is never stored there again."""

    __tablename__ = "takedowns"
    __table_args__ = (
        parent("projects", "project_id"),
        child_key(),
        one_of("kind", TakedownKind),
        one_of("status", TakedownStatus),
        Index(None, "project_id"),
        Index(
            "ix_takedowns_unfinished",
            "updated_at",
            postgresql_where=text("status IN ('pending', 'removing', 'revoking')"),
        ),
        Index("ix_takedowns_due", "removes_at", postgresql_where=text("status = 'hidden'")),
    )

    project_id: Mapped[UUID]
    kind: Mapped[TakedownKind]
    value: Mapped[str]
    phashes: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    """Hashes of a look-alike, as in `images.phashes`, or the first of them alone."""
    max_distance: Mapped[int | None] = mapped_column(SmallInteger)
    """Bits in which the hash of a look-alike may differ."""
    reason: Mapped[str | None]
    status: Mapped[TakedownStatus] = mapped_column(
        server_default="pending", default=TakedownStatus.pending
    )
    n_images: Mapped[int] = mapped_column(server_default="0", default=0)
    removes_at: Mapped[datetime | None]
    """When the grace is over: until then it can be revoked. None: there never was one."""
    applied_at: Mapped[datetime | None]
    """When the last of its images became a tombstone."""
    completed_at: Mapped[datetime | None]
    """When the last of their bytes was gone."""
    revoked_at: Mapped[datetime | None]


class TakedownImage(Owned, Base):
    """
    An image that a takedown hides, as it was before: with this it can be brought back.

    An image that several takedowns mean has a row for each, all alike. The rows of an image go
    when it is brought back, or when its bytes are to be removed.
    """

    __tablename__ = "takedown_images"
    __table_args__ = (
        parent("takedowns", "takedown_id"),
        parent("crawl_jobs", "crawl_job_id"),
        one_of("status", ImageStatus),
        Index(None, "crawl_job_id", "image_id"),
        Index(
            "ix_takedown_images_pack_key",
            "pack_key",
            postgresql_where=text("pack_key IS NOT NULL"),
        ),
    )

    takedown_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-3)
    image_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, sort_order=-2)
    crawl_job_id: Mapped[UUID]
    status: Mapped[ImageStatus]
    outcome: Mapped[Outcome | None]
    detail: Mapped[str | None]
    pack_key: Mapped[str | None]
    pack_offset: Mapped[int | None] = mapped_column(BigInteger)
    pack_length: Mapped[int | None] = mapped_column(BigInteger)
    duplicate_of: Mapped[int | None] = mapped_column(BigInteger)
    embedded: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class TakedownExport(Owned, Base):
    """A finished export that holds images which were taken down."""

    __tablename__ = "takedown_exports"
    __table_args__ = (
        parent("takedowns", "takedown_id"),
        parent("export_jobs", "export_job_id"),
        Index(None, "export_job_id"),
    )

    takedown_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-3)
    export_job_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)
    n_images: Mapped[int]


class PackRewrite(Identified, Owned, Base):
    """A pack that holds bytes nobody may have. Gone once they are."""

    __tablename__ = "pack_rewrites"
    __table_args__ = (
        parent("crawl_jobs", "crawl_job_id"),
        ForeignKeyConstraint(
            ["takedown_id", "user_id"],
            ["takedowns.id", "takedowns.user_id"],
            ondelete="CASCADE",
        ),
        Index(None, "takedown_id"),
        Index(None, "crawl_job_id"),
        Index(None, "due_at"),
    )

    crawl_job_id: Mapped[UUID]
    takedown_id: Mapped[UUID | None]
    """None where a fetcher stored what had been taken down meanwhile."""
    pack_key: Mapped[str]
    due_at: Mapped[datetime]
    """When the tick sends for it again."""
