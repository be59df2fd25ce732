"""Every query about validation jobs and verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Float,
    Row,
    Text,
    case,
    cast,
    func,
    literal,
    null,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from crawlset.kit.paging import Slice, cut
from crawlset.models import CrawlJob, Image, ImageVerdict, ValidationJob, Verdict
from crawlset.outcomes import ImageStatus
from crawlset.pipeline_jobs import ACTIVE
from crawlset.validation.checks import EXACT_DUPLICATE, Check


@dataclass(frozen=True, slots=True)
class Counts:
    n_kept: int
    n_rejected: int
    by_rule: dict[str, int]


class ValidationRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def add(self, job: ValidationJob) -> None:
        self.session.add(job)
        self.session.flush()
        self.session.refresh(job)

    def get(self, crawl_job_id: UUID, validation_job_id: UUID) -> ValidationJob | None:
        return self.session.scalar(
            select(ValidationJob).where(
                ValidationJob.id == validation_job_id, ValidationJob.crawl_job_id == crawl_job_id
            )
        )

    def list_page(self, job: CrawlJob, after: str | None, limit: int) -> Slice[ValidationJob]:
        """Newest first."""
        statement = select(ValidationJob).where(ValidationJob.crawl_job_id == job.id)
        if after is not None:
            statement = statement.where(ValidationJob.id < UUID(after))
        rows = self.session.scalars(
            statement.order_by(ValidationJob.id.desc()).limit(limit + 1)
        ).all()
        return cut(rows, limit, lambda job: job.id)

    def lock_stalled(self, since: datetime, limit: int) -> Sequence[ValidationJob]:
        """Unfinished jobs that were last marked before `since`, but for those someone holds."""
        return self.session.scalars(
            select(ValidationJob)
            .where(ValidationJob.status.in_(ACTIVE), ValidationJob.updated_at < since)
            .order_by(ValidationJob.updated_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()


class VerdictRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def list_page(
        self,
        job: ValidationJob,
        verdict: Verdict | None,
        rule: str | None,
        after: str | None,
        limit: int,
    ) -> Slice[Row[Any]]:
        """In the order the images were planned in."""
        statement = (
            select(
                ImageVerdict.image_id,
                ImageVerdict.verdict,
                ImageVerdict.rule,
                ImageVerdict.measured,
                ImageVerdict.threshold,
                ImageVerdict.duplicate_of,
                Image.url,
                Image.keyword,
            )
            .join(Image, Image.id == ImageVerdict.image_id)
            .where(ImageVerdict.validation_job_id == job.id)
        )
        if verdict is not None:
            statement = statement.where(ImageVerdict.verdict == verdict)
        if rule is not None:
            statement = statement.where(ImageVerdict.rule == rule)
        if after is not None:
            statement = statement.where(ImageVerdict.image_id > int(after))
        rows = self.session.execute(
            statement.order_by(ImageVerdict.image_id).limit(limit + 1)
        ).all()
        return cut(rows, limit, lambda row: row.image_id)

    def evaluate(
        self, job: ValidationJob, checks: Sequence[Check], after: int, limit: int
    ) -> int | None:
        """
        Judge the next `limit` stored images behind the id `after`; the last one's id, or none.

        An image judged before keeps its verdict.
        """
        stored = (
            select(Image.id)
            .where(
                Image.crawl_job_id == job.crawl_job_id,
                Image.status == ImageStatus.stored,
                Image.id > after,
            )
            .order_by(Image.id)
            .limit(limit)
            .subquery()
        )
        last: int | None = self.session.scalar(select(func.max(stored.c.id)))
        if last is None:
            return None
        broken = [(check.is_broken, check) for check in checks]
        rule = case(*((is_broken, literal(check.rule)) for is_broken, check in broken))
        verdict = case((rule.is_(None), Verdict.keep.value), else_=Verdict.reject.value)
        judged = select(
            literal(job.id),
            Image.id,
            literal(job.user_id),
            verdict,
            cast(rule, Text),
            cast(case(*((is_broken, check.measured) for is_broken, check in broken)), Float(53)),
            cast(case(*((is_broken, check.threshold) for is_broken, check in broken)), Float(53)),
            null(),
        ).where(
            Image.crawl_job_id == job.crawl_job_id,
            Image.status == ImageStatus.stored,
            Image.id > after,
            Image.id <= last,
        )
        self.session.execute(
            upsert(ImageVerdict)
            .from_select(
                [
                    "validation_job_id",
                    "image_id",
                    "user_id",
                    "verdict",
                    "rule",
                    "measured",
                    "threshold",
                    "duplicate_of",
                ],
                judged,
            )
            .on_conflict_do_nothing(index_elements=["validation_job_id", "image_id"])
        )
        return last

    def reject_exact_duplicates(self, job: ValidationJob) -> int:
        """Of the kept images with the same bytes keep the largest, then the earliest."""
        area = cast(Image.width, Float(53)) * Image.height
        keeper = func.first_value(Image.id).over(
            partition_by=Image.sha256, order_by=(area.desc(), Image.id)
        )
        kept = (
            select(Image.id, keeper.label("keeper"))
            .join(ImageVerdict, ImageVerdict.image_id == Image.id)
            .where(ImageVerdict.validation_job_id == job.id, ImageVerdict.verdict == Verdict.keep)
            .subquery()
        )
        rejected = self.session.execute(
            update(ImageVerdict)
            .where(
                ImageVerdict.validation_job_id == job.id,
                ImageVerdict.image_id == kept.c.id,
                kept.c.keeper != kept.c.id,
            )
            .values(verdict=Verdict.reject, rule=EXACT_DUPLICATE, duplicate_of=kept.c.keeper)
            .returning(ImageVerdict.image_id)
            .execution_options(synchronize_session=False)
        )
        return len(rejected.all())

    def count(self, job: ValidationJob) -> Counts:
        rows = self.session.execute(
            select(ImageVerdict.rule, func.count())
            .where(ImageVerdict.validation_job_id == job.id)
            .group_by(ImageVerdict.rule)
            .order_by(ImageVerdict.rule)
        ).all()
        by_rule = {rule: n for rule, n in rows if rule is not None}
        n_kept = sum(n for rule, n in rows if rule is None)
        return Counts(n_kept, sum(by_rule.values()), by_rule)
