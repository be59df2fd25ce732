"""Every query about validation jobs, and about the sets they compare with."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ExecutableOption

from crawlset.jobs.crawl_repository import require_both, with_crawl_job
from crawlset.kit import db
from crawlset.kit.paging import Slice
from crawlset.models import ACTIVE, CrawlJob, Image, ImageVerdict, ValidationJob
from crawlset.outcomes import ImageStatus, Verdict

ROWS_AT_ONCE = 5_000
Hashes = tuple[bytes | None, list[int]]
"""SHA-256 of a file, and perceptual hashes of its picture as signed 64-bit numbers."""


class ValidationRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def require(
        self, project_id: UUID, job_id: UUID, validation_job_id: UUID, *options: ExecutableOption
    ) -> tuple[CrawlJob, ValidationJob]:
        """
        Raises:
            NotFoundError: the caller's project has no such job, or the job has no such validation.
        """
        statement = with_crawl_job(project_id, job_id, ValidationJob, validation_job_id)
        job, validation_job = require_both(
            self.session,
            statement.options(*options),
            job_id,
            "validation job",
            validation_job_id,
        )
        return job, validation_job

    def list_page(self, job: CrawlJob, after: str | None, limit: int) -> Slice[ValidationJob]:
        """Newest first."""
        statement = select(ValidationJob).where(ValidationJob.crawl_job_id == job.id)
        return db.list_page(self.session, statement, ValidationJob.id, after, limit)

    def lock_stalled(self, since: datetime, limit: int) -> Sequence[ValidationJob]:
        """Unfinished jobs that were last marked before `since`, but for those someone holds."""
        return self.session.scalars(
            select(ValidationJob)
            .where(ValidationJob.status.in_(ACTIVE), ValidationJob.updated_at < since)
            .order_by(ValidationJob.updated_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()

    def stream_hashes(
        self, crawl_job_id: UUID, validation_job_id: UUID | None = None
    ) -> Iterator[Hashes]:
        """Stream the hashes of what a crawl job has stored, or of what a validation kept of it."""
        images = select(Image.sha256, Image.phashes).where(
            Image.crawl_job_id == crawl_job_id, Image.status == ImageStatus.stored
        )
        if validation_job_id is not None:
            images = images.where(
                exists().where(
                    ImageVerdict.validation_job_id == validation_job_id,
                    ImageVerdict.image_id == Image.id,
                    ImageVerdict.verdict == Verdict.keep,
                )
            )
        rows = self.session.execute(images, execution_options={"yield_per": ROWS_AT_ONCE})
        for sha256, phashes in rows:
            yield sha256, phashes or []
