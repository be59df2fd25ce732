"""The report of a validation: written once, when it ends."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, cast, func, literal, select, tuple_
from sqlalchemy.orm import Session

from crawlset.models import Image, ImageVerdict, ValidationJob
from crawlset.outcomes import Verdict
from crawlset.validation.cluster_repository import ClusterRepository
from crawlset.validation.measured_repository import measured_histograms
from crawlset.validation.measures import LOGARITHMIC, NUMBER, REPORTED, measurement
from crawlset.validation.rules.dataset import ClusterRule, NearDuplicatesRule
from crawlset.validation.rules.measured import without_vector
from crawlset.validation.schemas import ValidationRules

N_BINS = 20
EXAMPLES = 6
CLUSTERS = 20
CLUSTER_MEMBERS = 12
CLASSES = 500
RELEVANCE = "relevance"
"""The measurer that says which pictures are strangers to their keyword."""
KEYWORDS_OF_STRANGERS = 50
STRANGERS = 8


def report(session: Session, job: ValidationJob) -> dict[str, Any]:
    rules = ValidationRules.of(job)
    histograms, classes = _histograms_and_classes(session, job)
    measured = measured_histograms(session, job, rules.asked_measurers(), N_BINS)
    return {
        "rules": [rule.model_dump(mode="json") | {"name": rule.label} for rule in rules.resolved()],
        "histograms": histograms | measured,
        "classes": classes,
        "examples": _examples(session, job),
        "clusters": _clusters(session, job),
        "cluster_sizes": _cluster_sizes(session, job),
        "strangers": _strangers(session, job),
    }


def warnings(session: Session, job: ValidationJob) -> Iterator[str]:
    """Warn of clusters that are too large to be copies of one picture, and of missing vectors."""
    rules = ValidationRules.of(job)
    for near_rule in rules.of_kind(NearDuplicatesRule):
        if near_rule.params.vectors is not None:
            yield from _without_vectors(session, job, near_rule, near_rule.params.vectors)
    for rule in rules.of_kind(ClusterRule):
        most = rule.params.max_cluster
        counts = ClusterRepository(session).count_clusters_of(job, rule)
        large = {size: n for size, n in counts.items() if size > most}
        if large:
            n_clusters, n_images = sum(large.values()), sum(size * n for size, n in large.items())
            have = "cluster has" if n_clusters == 1 else "clusters have"
            yield (
                f"{rule.label}: {n_clusters:,} {have} more than {most:,} images, the largest"
                f" {max(large):,}. All {n_images - n_clusters:,} images but the keepers are"
                f" {rule.doubtful_severity.consequence}: see whether they are copies."
            )


def _without_vectors(
    session: Session, job: ValidationJob, rule: NearDuplicatesRule, measurer: str
) -> Iterator[str]:
    missing = without_vector(job, measurer).subquery()
    n_images = session.scalar(select(func.count()).select_from(missing)) or 0
    if n_images:
        yield (
            f"{rule.label}: {n_images:,} of the images that are left have no vector of {measurer}"
            " and were compared by their hashes alone."
        )


def _histograms_and_classes(
    session: Session, job: ValidationJob
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """
    Count judged images by each measure, in twenty bins, and by class and verdict.

    One pass over the rows for all; the largest class comes first.
    """
    bins = {
        name: func.width_bucket(_counted(name), *measure.span, N_BINS).label(name)
        for name, measure in REPORTED.items()
    }
    judged = (
        select(Image.keyword, ImageVerdict.verdict, *bins.values())
        .join(ImageVerdict, ImageVerdict.image_id == Image.id)
        .where(ImageVerdict.validation_job_id == job.id)
        .subquery()
    )
    names = list(bins)
    columns = [judged.c[name] for name in names]
    of_class = (judged.c.keyword, judged.c.verdict)
    which = func.grouping(*columns)
    rows = session.execute(
        select(which, func.coalesce(*columns, literal(-1)), *of_class, func.count()).group_by(
            func.grouping_sets(*(tuple_(column) for column in columns), tuple_(*of_class))
        )
    )
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * N_BINS)
    classes: dict[str | None, dict[str, int]] = defaultdict(dict)
    for mask, place, keyword, verdict, n in rows:
        # The one column that is not grouped away has a 0 in the mask; the last is its lowest bit.
        kept = ~mask & ((1 << len(names)) - 1)
        if not kept:
            classes[keyword][verdict.value] = n
        elif place >= 0:
            name = names[len(names) - kept.bit_length()]
            counts[name][min(max(place - 1, 0), N_BINS - 1)] += n
    histograms = {
        name: {"edges": _edges(name, *measure.span), "counts": counts[name]}
        for name, measure in REPORTED.items()
        if name in counts
    }
    largest = sorted(classes.items(), key=lambda item: (-sum(item[1].values()), item[0] or ""))
    return histograms, [{"keyword": keyword, **by} for keyword, by in largest[:CLASSES]]


def _counted(name: str) -> ColumnElement[Any]:
    value = REPORTED[name].value
    if name in LOGARITHMIC:
        return func.log(func.greatest(cast(value, NUMBER), 1.0))
    return cast(value, NUMBER)


def _edges(name: str, low: float, high: float) -> list[float]:
    edges = [low + (high - low) * place / N_BINS for place in range(N_BINS + 1)]
    return [round(10**edge if name in LOGARITHMIC else edge, 4) for edge in edges]


def _examples(session: Session, job: ValidationJob) -> list[dict[str, Any]]:
    """Some images of each verdict and rule that decided, spread over all of them."""
    place = func.row_number().over(
        partition_by=(ImageVerdict.verdict, ImageVerdict.rule),
        order_by=func.hashint8(ImageVerdict.image_id),
    )
    placed = (
        select(
            ImageVerdict.image_id,
            ImageVerdict.verdict,
            ImageVerdict.rule,
            ImageVerdict.measured,
            ImageVerdict.threshold,
            place.label("place"),
        )
        .where(ImageVerdict.validation_job_id == job.id)
        .subquery()
    )
    rows = session.execute(
        select(placed)
        .where(placed.c.place <= EXAMPLES)
        .order_by(placed.c.verdict, placed.c.rule, placed.c.place)
    )
    return [
        {
            "image_id": row.image_id,
            "verdict": Verdict(row.verdict).value,
            "rule": row.rule,
            "measured": row.measured,
            "threshold": row.threshold,
        }
        for row in rows
    ]


def _cluster_sizes(session: Session, job: ValidationJob) -> list[dict[str, int]]:
    """Count clusters by size: 2, 3 and 4, 5 to 8, and so on, each to twice the one before."""
    sizes: dict[int, int] = defaultdict(int)
    for size, n in ClusterRepository(session).count_clusters(job).items():
        sizes[1 << (size - 1).bit_length()] += n
    return [{"min": most // 2 + 1, "max": most, "n_clusters": n} for most, n in sizes.items()]


def _strangers(session: Session, job: ValidationJob) -> list[dict[str, Any]]:
    """List the judged images of each keyword that agree least with its others, the least first."""
    known = measurement(RELEVANCE)["measures"]
    value = cast(func.coalesce(known["margin"].astext, known["nearness"].astext), NUMBER)
    place = func.row_number().over(partition_by=Image.keyword, order_by=(value, Image.id))
    placed = (
        select(Image.keyword, Image.id, value.label("measured"), place.label("place"))
        .join(ImageVerdict, ImageVerdict.image_id == Image.id)
        .where(ImageVerdict.validation_job_id == job.id, value.is_not(None))
        .subquery()
    )
    rows = session.execute(
        select(placed)
        .where(placed.c.place <= STRANGERS)
        .order_by(placed.c.keyword, placed.c.place)
        .limit(KEYWORDS_OF_STRANGERS * STRANGERS)
    )
    found: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row.keyword].append({"image_id": row.id, "measured": row.measured})
    return [{"keyword": keyword, "images": images} for keyword, images in found.items()]


def _clusters(session: Session, job: ValidationJob) -> list[dict[str, Any]]:
    """The largest clusters of near duplicates, with some of their images, the keeper first."""
    largest = session.execute(
        select(ImageVerdict.cluster, func.count())
        .where(ImageVerdict.validation_job_id == job.id, ImageVerdict.cluster.is_not(None))
        .group_by(ImageVerdict.cluster)
        .order_by(func.count().desc(), ImageVerdict.cluster)
        .limit(CLUSTERS)
    ).all()
    members: dict[int, list[int]] = defaultdict(list)
    rows = session.execute(
        select(ImageVerdict.cluster, ImageVerdict.image_id)
        .where(
            ImageVerdict.validation_job_id == job.id,
            ImageVerdict.cluster.in_([keeper for keeper, _ in largest]),
        )
        .order_by(ImageVerdict.cluster != ImageVerdict.image_id, ImageVerdict.image_id)
    )
    for keeper, image_id in rows:
        if keeper is not None and len(members[keeper]) < CLUSTER_MEMBERS:
            members[keeper].append(image_id)
    return [
        {"keeper": keeper, "n_images": n, "image_ids": members[keeper]}
        for keeper, n in largest
        if keeper is not None
    ]
