"""Histograms of what measurers measured, for a validation's report."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import case, cast, func, literal, select, true, union_all
from sqlalchemy.orm import Session

from crawlset.models import Image, ValidationJob
from crawlset.outcomes import ImageStatus
from crawlset.validation.measures import NUMBER, measurement
from crawlset.validation.quantities import Quantity, number

MAX_MEASURES = 60
"""Histograms in a report, at most; the first by name."""


def quantity_of(name: str) -> Quantity:
    """The quantity of a histogram by its name, such as `palette.colourfulness`."""
    measurer, _, measure = name.partition(".")
    return Quantity(f"{measurer}'s {measure.replace('_', ' ')}", number)


def measured_histograms(
    session: Session, job: ValidationJob, measurers: Sequence[str], n_bins: int
) -> dict[str, Any]:
    """Count each measure of these measurers, of all stored images, from its least to its most."""
    if not measurers:
        return {}
    values = (
        union_all(*(_values(job, measurer) for measurer in measurers))
        .cte("measured")
        .prefix_with("MATERIALIZED")
    )
    spans = (
        select(
            values.c.name,
            func.min(values.c.value).label("low"),
            func.max(values.c.value).label("high"),
        )
        .group_by(values.c.name)
        .order_by(values.c.name)
        .limit(MAX_MEASURES)
        .subquery()
    )
    high = case((spans.c.high > spans.c.low, spans.c.high), else_=spans.c.low + 1)
    place = func.least(func.width_bucket(values.c.value, spans.c.low, high, n_bins), n_bins)
    rows = session.execute(
        select(values.c.name, spans.c.low, high, place, func.count())
        .join(spans, spans.c.name == values.c.name)
        .group_by(values.c.name, spans.c.low, high, place)
        .order_by(values.c.name)
    )
    histograms: dict[str, Any] = {}
    for name, low, top, bin_, n in rows:
        width = (top - low) / n_bins
        edges = [round(low + width * edge, 6) for edge in range(n_bins + 1)]
        histogram = histograms.setdefault(name, {"edges": edges, "counts": [0] * n_bins})
        histogram["counts"][bin_ - 1] += n
    return histograms


def _values(job: ValidationJob, measurer: str) -> Any:
    known = measurement(measurer)
    each = func.jsonb_each_text(known["measures"]).table_valued("key", "value", name="each")
    return (
        select(
            (literal(f"{measurer}.") + each.c.key).label("name"),
            cast(each.c.value, NUMBER).label("value"),
        )
        .join_from(Image, each, true())
        .where(
            Image.crawl_job_id == job.crawl_job_id,
            Image.status == ImageStatus.stored,
            known.has_key("measures"),
        )
    )
