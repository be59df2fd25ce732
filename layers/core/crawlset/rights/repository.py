"""Every query about the ledger as a whole."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, cast, func, literal, select, true, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from crawlset.errors import NotFoundError
from crawlset.models import (
    REVOKED,
    CrawlJob,
    Image,
    ImageVerdict,
    Project,
    Takedown,
    ValidationJob,
)
from crawlset.outcomes import ImageStatus

VERDICTS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class HostContent:
    """What is kept of one host."""

    host: str
    n_images: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Content:
    """What is kept, and what was refused; `unknown` where nothing is said."""

    first: datetime | None
    last: datetime | None
    """Times of the first and the last request for stored images."""
    hosts: list[HostContent]
    sources: Counter[str]
    formats: Counter[str]
    licences: Counter[str]
    refused: Counter[str]


@dataclass(frozen=True, slots=True)
class Asked:
    """How the jobs were asked for, and what was taken down."""

    policies: list[dict[str, Any]]
    """One a job."""
    n_takedowns: int
    """Those of the project that are in force."""
    n_taken_down: int
    """Candidates that these mean."""


class LedgerRepository:
    """The kept and refused images of a user's project, or of one job of it."""

    def __init__(
        self, session: Session, user_id: UUID, project_id: UUID, job_id: UUID | None = None
    ) -> None:
        self.session = session
        self.project_id = project_id
        self._user_id = user_id
        self._job_id = job_id
        self._jobs: list[ColumnElement[bool]] = [CrawlJob.project_id == project_id]
        if job_id is not None:
            self._jobs.append(CrawlJob.id == job_id)

    def asked(self) -> Asked:
        """
        Raises:
            NotFoundError: the user has no such project, or the project has no such job.
        """
        policies = select(func.jsonb_agg(CrawlJob.policy)).where(*self._jobs)
        in_force = (
            select(func.count().label("n"), func.sum(Takedown.n_images).label("n_images"))
            .where(Takedown.project_id == self.project_id, Takedown.status.not_in(REVOKED))
            .subquery()
        )
        row = self.session.execute(
            select(policies.scalar_subquery(), in_force.c.n, in_force.c.n_images)
            .select_from(Project)
            .join(in_force, true())
            .where(Project.id == self.project_id, Project.user_id == self._user_id)
        ).one_or_none()
        if row is None:
            raise NotFoundError("project", self.project_id)
        found, n_takedowns, n_taken_down = row
        if self._job_id is not None and not found:
            raise NotFoundError("crawl job", self._job_id)
        return Asked(found or [], n_takedowns, int(n_taken_down or 0))

    def content(self) -> Content:
        """Count the images by each column that the summary tells, in one statement."""
        rows = self.session.execute(
            union_all(
                self._grouped("hosts", Image.host, ImageStatus.stored),
                self._grouped("sources", Image.source, ImageStatus.stored),
                self._grouped("formats", Image.format, ImageStatus.stored),
                self._grouped("licences", Image.licence, ImageStatus.stored),
                self._grouped("refused", Image.outcome, ImageStatus.refused),
            )
        ).all()
        by_host = [row for row in rows if row.what == "hosts"]

        def counted(what: str) -> Counter[str]:
            return Counter({row.said or "unknown": row.n for row in rows if row.what == what})

        return Content(
            first=min((row.first for row in by_host if row.first), default=None),
            last=max((row.last for row in by_host if row.last), default=None),
            hosts=[HostContent(row.said, row.n, int(row.n_bytes)) for row in by_host],
            sources=counted("sources"),
            formats=counted("formats"),
            licences=counted("licences"),
            refused=counted("refused"),
        )

    def _grouped(
        self, what: str, column: InstrumentedAttribute[Any], status: ImageStatus
    ) -> Select[*tuple[Any, ...]]:
        jobs = select(CrawlJob.id).where(*self._jobs)
        return (
            select(
                literal(what).label("what"),
                cast(column, String).label("said"),
                func.count().label("n"),
                func.coalesce(func.sum(Image.file_size), 0).label("n_bytes"),
                func.min(Image.downloaded_at).label("first"),
                func.max(Image.downloaded_at).label("last"),
            )
            .where(Image.crawl_job_id.in_(jobs), Image.status == status)
            .group_by(column)
        )


def verdicts_of(session: Session, image: Image) -> Sequence[ImageVerdict]:
    """What the newest validations say of it, the newest first."""
    return session.scalars(
        select(ImageVerdict)
        .join(ValidationJob, ValidationJob.id == ImageVerdict.validation_job_id)
        .where(ValidationJob.crawl_job_id == image.crawl_job_id, ImageVerdict.image_id == image.id)
        .order_by(ImageVerdict.validation_job_id.desc())
        .limit(VERDICTS_SHOWN)
    ).all()
