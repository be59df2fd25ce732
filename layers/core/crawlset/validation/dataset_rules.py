"""Dataset rules as SQL: which of the images that are still in break them, and by what."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Select,
    Text,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.orm import InstrumentedAttribute

from crawlset.models import Image, ImageVerdict, ValidationJob
from crawlset.outcomes import Verdict
from crawlset.validation import rules
from crawlset.validation.rules import Rule

Broken = Select[Any]
"""Of each image that breaks a rule: image_id, measured, threshold, duplicate_of and detail."""

IN_PLAY = (Verdict.keep, Verdict.quarantine)
_NUMBER = Float(53)
AREA = cast(Image.width, _NUMBER) * Image.height


def broken_by(rule: Rule, job: ValidationJob) -> Broken:
    """What breaks `rule`, one of `IN_SQL`."""
    return IN_SQL[type(rule)](rule, job)


def in_play(job: ValidationJob, *columns: Any) -> Select[Any]:
    """`columns` of the images that no rule has put out yet."""
    return (
        select(*columns)
        .join(ImageVerdict, ImageVerdict.image_id == Image.id)
        .where(ImageVerdict.validation_job_id == job.id, ImageVerdict.verdict.in_(IN_PLAY))
    )


def _broken(
    rows: Any,
    condition: ColumnElement[bool],
    *,
    measured: ColumnElement[Any] | None = None,
    threshold: ColumnElement[Any] | None = None,
    duplicate_of: ColumnElement[Any] | None = None,
) -> Broken:
    number = null() if measured is None else measured
    limit = null() if threshold is None else threshold
    keeper = null() if duplicate_of is None else duplicate_of
    return select(
        rows.c.id.label("image_id"),
        cast(number, _NUMBER).label("measured"),
        cast(limit, _NUMBER).label("threshold"),
        cast(keeper, BigInteger).label("duplicate_of"),
        cast(null(), Text).label("detail"),
    ).where(condition)


def _exact_duplicates(rule: rules.ExactDuplicatesRule, job: ValidationJob) -> Broken:
    """Of those with the same bytes or pixels one stays: kept, the largest, the earliest."""
    same = Image.sha256 if rule.params.by == "bytes" else Image.pixel_hash
    is_put_aside = ImageVerdict.verdict != Verdict.keep
    keeper = func.first_value(Image.id).over(
        partition_by=same, order_by=(is_put_aside, AREA.desc(), Image.id)
    )
    rows = in_play(job, Image.id, keeper.label("keeper")).where(same.is_not(None)).subquery()
    return _broken(rows, rows.c.keeper != rows.c.id, duplicate_of=rows.c.keeper)


def _odd_size(rule: rules.OddSizeRule, job: ValidationJob) -> Broken:
    size = func.sqrt(AREA)
    rows = in_play(job, Image.id, size.label("size")).cte("sizes")

    both = func.percentile_cont(array([0.25, 0.75])).within_group(rows.c.size)
    quartiles = select(cast(both, ARRAY(_NUMBER))).select_from(rows).scalar_subquery()
    lower, upper = quartiles[1], quartiles[2]
    spread = rule.params.iqr_factor * (upper - lower)
    low, high = lower - spread, upper + spread
    limit = case((rows.c.size > high, high), else_=low)
    outside = or_(rows.c.size < low, rows.c.size > high)
    return _broken(rows, outside, measured=rows.c.size, threshold=limit)


def _class_size(rule: rules.ClassSizeRule, job: ValidationJob) -> Broken:
    least, most = rule.params.min, rule.params.max
    return _beyond(Image.keyword, least, most, job)


def _cap(rule: rules.CapRule, job: ValidationJob) -> Broken:
    column = Image.host if rule.check == "host_cap" else Image.creator
    return _beyond(column, None, rule.params.max, job)


def _beyond(
    column: InstrumentedAttribute[Any], least: float | None, most: float | None, job: ValidationJob
) -> Broken:
    """
    Images of groups that are too small, and those that make a group too large.

    Which of a group stay is decided by their bytes, so that it is the same each time.
    """
    place = func.row_number().over(partition_by=column, order_by=(Image.sha256, Image.id))
    size = func.count().over(partition_by=column)
    grouped = in_play(job, Image.id, place.label("place"), size.label("size"))
    rows = grouped.where(column.is_not(None)).subquery()
    conditions = []
    if least is not None:
        conditions.append(rows.c.size < least)
    if most is not None:
        conditions.append(rows.c.place > most)
    is_small = rows.c.size < literal(least if least is not None else 0)
    limit = case((is_small, literal(least)), else_=literal(most))
    return _broken(rows, or_(*conditions), measured=rows.c.size, threshold=limit)


IN_SQL: dict[type, Callable[[Any, ValidationJob], Broken]] = {
    rules.ExactDuplicatesRule: _exact_duplicates,
    rules.OddSizeRule: _odd_size,
    rules.ClassSizeRule: _class_size,
    rules.CapRule: _cap,
}
