from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from crawlset.models.base import (
    Base,
    Finishing,
    Identified,
    JobStatus,
    Owned,
    Timestamped,
    child_key,
    one_of,
    parent,
)


class ValidationJob(Identified, Owned, Timestamped, Finishing, Base):
    __tablename__ = "validation_jobs"
    __table_args__ = (
        parent("crawl_jobs", "crawl_job_id"),
        child_key(),
        one_of("status", JobStatus),
        Index(None, "status"),
        Index(None, "crawl_job_id"),
    )

    crawl_job_id: Mapped[UUID]
    validation_rules: Mapped[dict[str, Any]]
    status: Mapped[JobStatus] = mapped_column(default=JobStatus.pending)
    n_kept: Mapped[int] = mapped_column(server_default="0", default=0)
    n_quarantined: Mapped[int] = mapped_column(server_default="0", default=0)
    n_rejected: Mapped[int] = mapped_column(server_default="0", default=0)
    n_errors: Mapped[int] = mapped_column(server_default="0", default=0)
    by_rule: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    warnings: Mapped[list[str]] = mapped_column(server_default="{}", default=list)
    """Sentences on what its owner should look at before the images are used."""
    report: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    """What it found, added up when it ended."""
    error_message: Mapped[str | None]


class ExportJob(Identified, Owned, Timestamped, Finishing, Base):
    __tablename__ = "export_jobs"
    __table_args__ = (
        parent("crawl_jobs", "crawl_job_id"),
        child_key(),
        one_of("status", JobStatus),
        Index(None, "status"),
        Index(None, "user_id"),
        Index(None, "crawl_job_id"),
    )

    crawl_job_id: Mapped[UUID]
    validation_job_id: Mapped[UUID | None]
    """Export what this validation kept; none: everything stored."""
    format: Mapped[str]
    export_options: Mapped[dict[str, Any]]
    status: Mapped[JobStatus] = mapped_column(default=JobStatus.pending)
    n_images: Mapped[int] = mapped_column(server_default="0", default=0)
    left_out: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    """Number of images that were chosen and cannot be exported as asked, by `LeftOutReason`."""
    warnings: Mapped[list[str]] = mapped_column(server_default="{}", default=list)
    """Sentences on what loaders make of the export that nobody would expect."""
    file_size: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    expires_at: Mapped[datetime | None]
    error_message: Mapped[str | None]


class ExportFile(Identified, Owned, Base):
    """A finished file of an export. There is no row before the bytes are there and checked."""

    __tablename__ = "export_files"
    __table_args__ = (
        parent("export_jobs", "export_job_id"),
        Index(None, "export_job_id", "name", unique=True),
    )

    export_job_id: Mapped[UUID]
    name: Mapped[str]
    file_size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
