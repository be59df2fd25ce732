"""Every query about the ledger as a whole."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from crawlset.models import REVOKED, CrawlJob, Image, ImageVerdict, Takedown, ValidationJob
from crawlset.outcomes import ImageStatus, Outcome

VERDICTS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class HostContent:
    """What is kept of one host."""

    host: str
    n_images: int
    n_bytes: int


class LedgerRepository:
    """The kept and refused images of a project, or of one job of it."""

    def __init__(self, session: Session, project_id: UUID, job_id: UUID | None = None) -> None:
        self.session = session
        self._project_id = project_id
        self._jobs: list[ColumnElement[bool]] = [CrawlJob.project_id == project_id]
        if job_id is not None:
            self._jobs.append(CrawlJob.id == job_id)
        ids = select(CrawlJob.id).where(*self._jobs)
        self._images = [Image.crawl_job_id.in_(ids)]
        self._kept = [*self._images, Image.status == ImageStatus.stored]

    def policies(self) -> Sequence[dict[str, Any]]:
        return self.session.scalars(select(CrawlJob.policy).where(*self._jobs)).all()

    def period(self) -> tuple[datetime | None, datetime | None]:
        """Give the times of the first and the last request for stored images."""
        at = func.min(Image.downloaded_at), func.max(Image.downloaded_at)
        first, last = self.session.execute(select(*at).where(*self._kept)).one()
        return first, last

    def hosts(self) -> list[HostContent]:
        rows = self.session.execute(
            select(Image.host, func.count(), func.coalesce(func.sum(Image.file_size), 0))
            .where(*self._kept)
            .group_by(Image.host)
        )
        return [HostContent(host, n, int(n_bytes or 0)) for host, n, n_bytes in rows]

    def count_kept(self, column: InstrumentedAttribute[Any]) -> Counter[str]:
        """Kept images by what `column` says; `unknown` where it says nothing."""
        rows = self.session.execute(
            select(column, func.count()).where(*self._kept).group_by(column)
        )
        return Counter({value or "unknown": n for value, n in rows})

    def count_refused(self) -> Counter[Outcome]:
        rows = self.session.execute(
            select(Image.outcome, func.count())
            .where(*self._images, Image.status == ImageStatus.refused)
            .group_by(Image.outcome)
        )
        return Counter({outcome: n for outcome, n in rows if outcome is not None})

    def takedowns(self) -> tuple[int, int]:
        """How many of the project are in force, and of how many candidates."""
        n, n_images = self.session.execute(
            select(func.count(), func.coalesce(func.sum(Takedown.n_images), 0)).where(
                Takedown.project_id == self._project_id, Takedown.status.not_in(REVOKED)
            )
        ).one()
        return n, int(n_images)


def verdicts_of(session: Session, image: Image) -> Sequence[ImageVerdict]:
    """What the newest validations say of it, the newest first."""
    return session.scalars(
        select(ImageVerdict)
        .join(ValidationJob, ValidationJob.id == ImageVerdict.validation_job_id)
        .where(ValidationJob.crawl_job_id == image.crawl_job_id, ImageVerdict.image_id == image.id)
        .order_by(ImageVerdict.validation_job_id.desc())
        .limit(VERDICTS_SHOWN)
    ).all()
