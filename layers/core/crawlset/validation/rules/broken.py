"""Images that break a rule, as rows that a verdict is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Select,
    Subquery,
    Text,
    cast,
    column,
    false,
    func,
    null,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from crawlset.models import Image, ImageVerdict, ValidationJob
from crawlset.outcomes import ImageStatus, Verdict
from crawlset.validation.measures import NUMBER
from crawlset.validation.rules.base import Rule

IN_PLAY = (Verdict.keep, Verdict.quarantine)

Broken = Select[Any]
"""
Selects image_id, measured, threshold, duplicate_of and detail of images that break a rule, and
is_error: whether nothing could be said of an image, with the reason as its detail.
"""


def in_play(job: ValidationJob, *columns: Any) -> Select[Any]:
    """Select `columns` of the images that no rule has put out yet."""
    return (
        select(*columns)
        .join(ImageVerdict, ImageVerdict.image_id == Image.id)
        .where(ImageVerdict.validation_job_id == job.id, ImageVerdict.verdict.in_(IN_PLAY))
    )


def breaks(rule: Rule) -> ColumnElement[bool]:
    """Whether `rule` is among the findings of a verdict."""
    return ImageVerdict.findings.contains([{"rule": rule.label}])


def in_play_of(
    job: ValidationJob, columns: Sequence[Any], condition: ColumnElement[bool]
) -> Subquery:
    """
    Select `columns` of the images in play that meet `condition`, which reads their rows alone.

    Verdicts that were just written have no statistics: images are looked through first.
    """
    found = (
        select(Image.id, *columns)
        .where(
            Image.crawl_job_id == job.crawl_job_id, Image.status == ImageStatus.stored, condition
        )
        .cte("found")
        .prefix_with("MATERIALIZED")
    )
    return (
        select(*found.c)
        .join(ImageVerdict, ImageVerdict.image_id == found.c.id)
        .where(ImageVerdict.validation_job_id == job.id, ImageVerdict.verdict.in_(IN_PLAY))
        .subquery("left_over")
    )


def select_broken(
    rows: Any,
    condition: ColumnElement[bool],
    *,
    measured: ColumnElement[Any] | None = None,
    threshold: ColumnElement[Any] | None = None,
    duplicate_of: ColumnElement[Any] | None = None,
    detail: ColumnElement[Any] | None = None,
    is_error: ColumnElement[bool] | None = None,
) -> Broken:
    """Select those of `rows` that meet `condition`."""
    return select(
        rows.c.id.label("image_id"),
        cast(null() if measured is None else measured, NUMBER).label("measured"),
        cast(null() if threshold is None else threshold, NUMBER).label("threshold"),
        cast(null() if duplicate_of is None else duplicate_of, BigInteger).label("duplicate_of"),
        cast(null() if detail is None else detail, Text).label("detail"),
        (false() if is_error is None else is_error).label("is_error"),
    ).where(condition)


@dataclass(frozen=True, slots=True)
class BrokenColumns:
    """Images that break a rule, column by column; a column that is empty says nothing."""

    image_ids: Sequence[int]
    measured: Sequence[float | None] = ()
    thresholds: Sequence[float | None] = ()
    duplicate_of: Sequence[int | None] = ()
    details: Sequence[str | None] = ()
    are_errors: Sequence[bool] = ()

    def rows(self) -> Broken:
        rows = (
            func.unnest(
                cast(list(self.image_ids), ARRAY(BigInteger)),
                cast(list(self.measured), ARRAY(NUMBER)),
                cast(list(self.thresholds), ARRAY(NUMBER)),
                cast(list(self.duplicate_of), ARRAY(BigInteger)),
                cast(list(self.details), ARRAY(Text)),
                cast(list(self.are_errors), ARRAY(Boolean)),
            )
            .table_valued(
                column("image_id", BigInteger),
                column("measured", NUMBER),
                column("threshold", NUMBER),
                column("duplicate_of", BigInteger),
                column("detail", Text),
                column("is_error", Boolean),
                name="findings",
            )
            .render_derived()
        )
        return select(*rows.c)
