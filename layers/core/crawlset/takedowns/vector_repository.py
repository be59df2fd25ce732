"""Queries about vectors of pictures that are taken down."""

from uuid import UUID

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from crawlset.models import Image
from crawlset.outcomes import Outcome
from crawlset.wire.keys import VectorsKey


class VectorRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def has_taken(self, job_id: UUID, vectors: VectorsKey) -> bool:
        """Whether the part may have the vector of an image of the job that was taken down."""
        found = self.session.scalar(
            select(Image.id)
            .where(
                Image.crawl_job_id == job_id,
                Image.id.between(vectors.first, vectors.last),
                Image.outcome == Outcome.refused_takedown,
            )
            .limit(1)
        )
        return found is not None

    def forget(self, job_id: UUID, vectors: VectorsKey) -> None:
        """Have images whose vectors are in the part measured anew by the next validation."""
        others = Image.measurements.op("-")(vectors.measurer)
        self.session.execute(
            update(Image)
            .where(
                Image.crawl_job_id == job_id,
                Image.id.between(vectors.first, vectors.last),
                Image.measurements[vectors.measurer]["part"].astext == vectors.part,
            )
            .values(measurements=func.nullif(others, literal({}, JSONB)))
            .execution_options(synchronize_session=False)
        )
