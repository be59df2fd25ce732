"""A validation that steps work on: its rows in transactions, its files in the bucket."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.jobs.pipeline_repository import PipelineRepository
from crawlset.kit import db
from crawlset.models import ValidationJob
from crawlset.validation.schemas import ValidationRules
from crawlset.wire import keys

IMAGES_PER_STATEMENT = 50_000
"""Keeps a statement over the largest job well below the time limit of the worker's login."""


@dataclass(frozen=True, slots=True)
class RunningValidation:
    user_id: UUID
    id: UUID

    @contextmanager
    def open(self, *, over_many: bool = False) -> Iterator[tuple[Session, ValidationJob]]:
        """Begin a transaction; `over_many` for statements over all images of the job."""
        with db.transaction(self.user_id) as session:
            if over_many:
                db.expect_many(session)
            yield session, session.get_one(ValidationJob, self.id)

    def enter(self) -> bool:
        """Begin a step; see `PipelineRepository.enter`."""
        with db.transaction(self.user_id) as session:
            return PipelineRepository(session).enter(ValidationJob, self.id)

    def rules(self) -> ValidationRules:
        with self.open() as (_, job):
            return ValidationRules.of(job)

    def key(self, name: str) -> str:
        """The key of a file of the validation."""
        return keys.validation_file(self.id, name)
