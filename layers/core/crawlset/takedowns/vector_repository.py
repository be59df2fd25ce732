"""Queries about vectors of pictures that are taken down."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from crawlset.models import Image
from crawlset.outcomes import Outcome


class VectorRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def has_taken(self, job_id: UUID, first: int, last: int) -> bool:
        """Whether an image of the job that was taken down has an id from `first` to `last`."""
        found = self.session.scalar(
            select(Image.id)
            .where(
                Image.crawl_job_id == job_id,
                Image.id.between(first, last),
                Image.outcome == Outcome.refused_takedown,
            )
            .limit(1)
        )
        return found is not None

    def forget(self, job_id: UUID, first: int, last: int) -> None:
        """Have images of the job with these ids measured anew by the next validation."""
        self.session.execute(
            update(Image)
            .where(
                Image.crawl_job_id == job_id,
                Image.id.between(first, last),
                Image.measurements.is_not(None),
            )
            .values(measurements=None)
            .execution_options(synchronize_session=False)
        )
