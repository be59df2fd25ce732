"""Every query about verdicts."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Row,
    Select,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from crawlset.kit.db import in_order
from crawlset.kit.paging import Order, Slice, cut
from crawlset.models import Image, ImageVerdict, ValidationJob
from crawlset.outcomes import ImageStatus, Verdict
from crawlset.validation.measures import AREA, NUMBER
from crawlset.validation.rules.base import Rule, Severity
from crawlset.validation.rules.broken import Broken, breaks, in_play
from crawlset.validation.rules.image import ImageRule
from crawlset.validation.rules.measured import MeasureRule

LIGHTEST_FIRST = (Verdict.keep, Verdict.quarantine, Verdict.error, Verdict.reject)
"""A verdict gives way to those after it."""
ROWS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Counts:
    verdicts: Counter[Verdict]
    by_rule: dict[str, int]
    """Images that break each rule."""


@dataclass(frozen=True, slots=True)
class Noted:
    """Number of images whose verdicts had a rule written down."""

    n_broken: int
    n_errors: int
    """Images of which nothing could be said."""


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
                ImageVerdict.findings,
                ImageVerdict.duplicate_of,
                ImageVerdict.cluster,
                Image.url,
                Image.keyword,
            )
            .join(Image, Image.id == ImageVerdict.image_id)
            .where(ImageVerdict.validation_job_id == job.id)
        )
        if verdict is not None:
            statement = statement.where(ImageVerdict.verdict == verdict)
        if rule is not None:
            statement = statement.where(ImageVerdict.findings.contains([{"rule": rule}]))
        statement = in_order(statement, ImageVerdict.image_id, Order.oldest, after)
        rows = self.session.execute(statement.limit(limit + 1)).all()
        return cut(rows, limit, lambda row: row.image_id)

    def evaluate(
        self,
        job: ValidationJob,
        rules: Sequence[ImageRule],
        measure_rules: Sequence[MeasureRule],
        after: int,
        limit: int,
    ) -> int | None:
        """
        Judge the next `limit` stored images behind the id `after`; the last one's id, or none.

        Of the rules that an image breaks, the first of the gravest decides. Each measure rule sees
        what the rules before have left in. An image judged before keeps its verdict.
        """
        # Measured once, and not for each time that a verdict speaks of it.
        columns: list[Any] = [Image.id]
        all_rules: list[ImageRule | MeasureRule] = [*rules, *measure_rules]
        for place, rule in enumerate(all_rules):
            is_broken, value, threshold = rule.condition()
            columns += [
                is_broken.label(f"broken_{place}"),
                value.label(f"measured_{place}"),
                threshold.label(f"threshold_{place}"),
            ]
        measured = (
            select(*columns)
            .where(
                Image.crawl_job_id == job.crawl_job_id,
                Image.status == ImageStatus.stored,
                Image.id > after,
            )
            .order_by(Image.id)
            .limit(limit)
            .cte("measured")
            .prefix_with("MATERIALIZED")
        )
        judged = (
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
                    "findings",
                ],
                _judged(job, rules, measure_rules, measured),
            )
            .on_conflict_do_nothing(index_elements=["validation_job_id", "image_id"])
            .cte("judged")
        )
        last: int | None = self.session.scalar(select(func.max(measured.c.id)).add_cte(judged))
        return last

    def note(
        self, job: ValidationJob, rule: Rule, broken: Broken, *, severity: Severity | None = None
    ) -> Noted:
        """
        Write down that images break `rule`, or that it could not be told; say of how many.

        The verdict of each becomes what `severity` says, or the rule's own, unless it is graver
        already. An image of which that was noted before is left alone.
        """
        severity = severity or rule.severity
        rows = broken.subquery("broken")
        is_error = func.coalesce(rows.c.is_error, false())
        finding = func.jsonb_build_object(
            "rule",
            literal(rule.label),
            "severity",
            case((is_error, "error"), else_=severity.value),
            "measured",
            rows.c.measured,
            "threshold",
            rows.c.threshold,
            "detail",
            rows.c.detail,
        )
        verdict = severity.verdict
        of_error = verdict if verdict is Verdict.keep else Verdict.error
        is_lighter = case(
            (is_error, ImageVerdict.verdict.in_(_lighter_than(of_error))),
            else_=ImageVerdict.verdict.in_(_lighter_than(verdict)),
        )
        decides = or_(ImageVerdict.rule.is_(None), is_lighter)
        noted = (
            update(ImageVerdict)
            .where(
                ImageVerdict.validation_job_id == job.id,
                ImageVerdict.image_id == rows.c.image_id,
                not_(breaks(rule)),
            )
            .values(
                findings=ImageVerdict.findings.op("||")(func.jsonb_build_array(finding)),
                verdict=case(
                    (is_lighter, case((is_error, of_error), else_=verdict)),
                    else_=ImageVerdict.verdict,
                ),
                rule=case((decides, rule.label), else_=ImageVerdict.rule),
                measured=case((decides, rows.c.measured), else_=ImageVerdict.measured),
                threshold=case((decides, rows.c.threshold), else_=ImageVerdict.threshold),
                duplicate_of=func.coalesce(rows.c.duplicate_of, ImageVerdict.duplicate_of),
            )
            .returning(is_error.label("is_error"))
            .cte("noted")
        )
        n_errors = func.count().filter(noted.c.is_error)
        n, n_failed = self.session.execute(select(func.count(), n_errors).select_from(noted)).one()
        return Noted(n_broken=n - n_failed, n_errors=n_failed)

    def list_pictures(self, job: ValidationJob, after: int, limit: int) -> Sequence[Row[Any]]:
        """List images still in play, and where their bytes lie, by id."""
        statement = pictures_in_play(job).where(Image.id > after)
        return self.session.execute(statement.order_by(Image.id).limit(limit)).all()

    def count_in_play(self, job: ValidationJob) -> int:
        found = self.session.scalar(
            in_play(job, func.count(Image.id)).where(Image.pack_key.is_not(None))
        )
        return found or 0

    def stream_sets(self, job: ValidationJob) -> Iterator[Row[Any]]:
        """id, sha256 and phashes of what is still in play, by id."""
        yield from self.session.execute(
            in_play(job, Image.id, Image.sha256, Image.phashes).order_by(Image.id),
            execution_options={"yield_per": ROWS_AT_ONCE},
        )

    def stream_hashes(self, job: ValidationJob) -> Iterator[Row[Any]]:
        """id, hashes, colours, mosaic, verdict, area and licence of what is in play, by id."""
        statement = in_play(
            job,
            Image.id,
            Image.phashes,
            Image.colours,
            Image.mosaic,
            ImageVerdict.verdict,
            AREA.value.label("area"),
            Image.licence,
        )
        yield from self.session.execute(
            statement.where(Image.phashes.is_not(None)).order_by(Image.id),
            execution_options={"yield_per": ROWS_AT_ONCE},
        )

    def count(self, job: ValidationJob) -> Counts:
        of_job = ImageVerdict.validation_job_id == job.id
        verdicts = self.session.execute(
            select(ImageVerdict.verdict, func.count()).where(of_job).group_by(ImageVerdict.verdict)
        )
        found = (
            select(func.jsonb_array_elements(ImageVerdict.findings).op("->>")("rule").label("rule"))
            .where(of_job, ImageVerdict.findings != [])
            .subquery()
        )
        broken = self.session.execute(
            select(found.c.rule, func.count()).group_by(found.c.rule).order_by(found.c.rule)
        )
        return Counts(Counter(dict(verdicts.all())), dict(broken.all()))


def _lighter_than(verdict: Verdict) -> tuple[Verdict, ...]:
    return LIGHTEST_FIRST[: LIGHTEST_FIRST.index(verdict)]


def pictures_in_play(job: ValidationJob) -> Select[Any]:
    """Select what `BatchImage` has of each image in play that has bytes."""
    return in_play(
        job,
        Image.id.label("image_id"),
        Image.pack_key.label("key"),
        Image.pack_offset.label("offset"),
        Image.pack_length.label("length"),
        func.encode(Image.sha256, "hex").label("sha256"),
        Image.format,
        Image.width,
        Image.height,
        Image.keyword,
    ).where(Image.pack_key.is_not(None))


def _judged(
    job: ValidationJob,
    image_rules: Sequence[ImageRule],
    measure_rules: Sequence[MeasureRule],
    measured: CTE,
) -> Select[Any]:
    """Verdict and findings of each row of `measured`; the first of the gravest rules decides."""
    rules = [*image_rules, *measure_rules]
    rejects: list[ColumnElement[bool]] = []
    broken: list[tuple[ColumnElement[bool], int]] = []
    for place, rule in enumerate(rules):
        is_broken = measured.c[f"broken_{place}"]
        is_seen = place < len(image_rules) or not rejects
        broken.append((is_broken if is_seen else and_(is_broken, not_(or_(*rejects))), place))
        if rule.severity is Severity.reject:
            rejects.append(is_broken)
    order = list(Severity)
    deciding = sorted(broken, key=lambda one: order.index(rules[one[1]].severity))

    def first(value: Callable[[int], ColumnElement[Any]]) -> ColumnElement[Any]:
        if not deciding:
            return null()
        return case(*((is_broken, value(place)) for is_broken, place in deciding))

    def finding(place: int) -> ColumnElement[Any]:
        return func.jsonb_build_object(
            "rule",
            literal(rules[place].label),
            "severity",
            literal(rules[place].severity.value),
            "measured",
            measured.c[f"measured_{place}"],
            "threshold",
            measured.c[f"threshold_{place}"],
            *(("detail", null()) if isinstance(rules[place], MeasureRule) else ()),
        )

    findings = [case((is_broken, finding(place))) for is_broken, place in broken]
    verdict = first(lambda place: literal(rules[place].severity.verdict.value))
    return select(
        literal(job.id),
        measured.c.id,
        literal(job.user_id),
        func.coalesce(verdict, Verdict.keep.value),
        cast(first(lambda place: literal(rules[place].label)), Text),
        cast(first(lambda place: measured.c[f"measured_{place}"]), NUMBER),
        cast(first(lambda place: measured.c[f"threshold_{place}"]), NUMBER),
        func.to_jsonb(func.array_remove(array(findings, type_=JSONB), null()))
        if findings
        else literal([], JSONB),
    )
