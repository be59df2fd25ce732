"""
Dataset rules: each looks at all the images that are still in.

The order in which they come is the validation's and not theirs: odd sizes, leakage, exact, near
and semantic duplicates, and last the sizes of sets.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from sqlalchemy import and_, case, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.orm import InstrumentedAttribute

from crawlset.models import Image, ImageVerdict, ValidationJob
from crawlset.outcomes import Verdict
from crawlset.validation.measures import AREA, NUMBER
from crawlset.validation.quantities import THOUSAND, Quantity, number, pixels
from crawlset.validation.rules.base import Bounds, Params, Rule, Severity
from crawlset.validation.rules.broken import IN_PLAY, Broken, in_play, select_broken
from crawlset.validation.rules.measured import MeasurerName, without_vector

MAX_RADIUS = 12
LEAST_COSINE = 0.88
"""Below it, pictures merely show the same kind of thing, and too many pairs are to be compared."""

Radius = Annotated[int, Field(ge=0, le=MAX_RADIUS, description="Bits that may differ")]


class DatasetRule(Rule):
    """A rule about the set of images that are still in."""

    scope: Literal["dataset"] = "dataset"


class ExactDuplicatesRule(DatasetRule):
    class ExactDuplicatesParams(Params):
        by: Annotated[
            Literal["bytes", "pixels"],
            Field(description="Compare the files, or the decoded pictures"),
        ] = "bytes"

    check: Literal["exact_duplicates"]
    params: ExactDuplicatesParams = ExactDuplicatesParams()

    def broken(self, job: ValidationJob) -> Broken:
        """One image of those with the same bytes or pixels stays: kept, largest, earliest."""
        same = Image.sha256 if self.params.by == "bytes" else Image.pixel_hash
        is_put_aside = ImageVerdict.verdict != Verdict.keep
        keeper = func.first_value(Image.id).over(
            partition_by=same, order_by=(is_put_aside, AREA.value.desc(), Image.id)
        )
        rows = in_play(job, Image.id, keeper.label("keeper")).where(same.is_not(None)).subquery()
        return select_broken(rows, rows.c.keeper != rows.c.id, duplicate_of=rows.c.keeper)

    def wanted(self) -> str:
        return f"no other image with the same {self.params.by}"


class ClusterParams(Params):
    max_cluster: Annotated[
        int,
        Field(
            ge=2,
            le=1_000_000,
            description="Images of larger clusters are put in quarantine, not rejected, and the"
            " job has a warning: so many are rarely copies of one picture",
        ),
    ] = 60


class ClusterRule(DatasetRule):
    """All but the keeper of each cluster: the largest, then the freest, then the earliest."""

    params: ClusterParams

    @property
    def measurer(self) -> str | None:
        """The measurer whose vectors the rule reads, if it reads any."""
        raise NotImplementedError

    @property
    def doubtful_severity(self) -> Severity:
        """Consequence for images of clusters that are larger than `max_cluster`."""
        return Severity.quarantine if self.severity is Severity.reject else self.severity

    def threshold(self) -> float:
        """The limit that verdicts tell beside what was measured."""
        raise NotImplementedError

    def measured(self, distances: Sequence[int]) -> list[float]:
        """What verdicts tell of images that lie so far from their keepers."""
        raise NotImplementedError


class NearDuplicatesRule(ClusterRule):
    """All but the keeper of each cluster of images that look the same."""

    class NearDuplicatesParams(ClusterParams):
        radius: Radius = 10
        vectors: Annotated[
            MeasurerName | None,
            Field(description="A measurer whose vectors propose further pairs"),
        ] = None

    check: Literal["near_duplicates"]
    params: NearDuplicatesParams = NearDuplicatesParams()

    @property
    def measurer(self) -> str | None:
        return self.params.vectors

    def wanted(self) -> str:
        return "no other image that looks the same"

    def threshold(self) -> float:
        return self.params.radius

    def measured(self, distances: Sequence[int]) -> list[float]:
        return list(distances)


class SemanticDuplicatesRule(ClusterRule):
    """All but the keeper of each cluster of images with near vectors, whatever their pixels."""

    class SemanticDuplicatesParams(ClusterParams):
        measurer: MeasurerName = "relevance"
        above: Annotated[
            float,
            Field(ge=LEAST_COSINE, le=1, description="Cosine of two vectors that is too much"),
        ] = 0.95

    check: Literal["semantic_duplicates"]
    params: SemanticDuplicatesParams = SemanticDuplicatesParams()
    measure = Quantity("cosine of its vector and another's", number)

    @property
    def measurer(self) -> str | None:
        return self.params.measurer

    def wanted(self) -> str:
        return self.quantity.at_most(self.params.above)

    def unknown(self, job: ValidationJob) -> Broken:
        """Select the images in play that have no vector, with the reason."""
        return without_vector(job, self.params.measurer)

    def threshold(self) -> float:
        return self.params.above

    def measured(self, distances: Sequence[int]) -> list[float]:
        return [(THOUSAND - distance) / THOUSAND for distance in distances]


class LeakageRule(DatasetRule):
    """It is in another set too, such as the one that a model is tested with."""

    class LeakageParams(Params):
        """Exactly one says which other set: a crawl job, an export, or a list of hashes."""

        crawl_job_id: UUID | None = None
        export_job_id: UUID | None = None
        upload_id: Annotated[
            UUID | None,
            Field(description="Text of one hash a line: SHA-256, or perceptual of 16 hex digits"),
        ] = None
        radius: Radius = 10

        @model_validator(mode="after")
        def _names_one(self) -> Self:
            named = (self.crawl_job_id, self.export_job_id, self.upload_id)
            if sum(id_ is not None for id_ in named) != 1:
                message = "give one of crawl_job_id, export_job_id and upload_id"
                raise ValueError(message)
            return self

    check: Literal["leakage"]
    params: LeakageParams

    def wanted(self) -> str:
        return "not in the other set as well"


class SizeRule(DatasetRule):
    """A rule on the sizes of sets, judged when all others have spoken."""

    def broken(self, job: ValidationJob) -> Broken:
        """Select the images that break the rule."""
        raise NotImplementedError


class OddSizeRule(DatasetRule):
    """The square root of its area is that far from the middle half of all of them."""

    class OddSizeParams(Params):
        iqr_factor: Annotated[float, Field(gt=0, le=100)] = 3.0

    check: Literal["odd_size"]
    params: OddSizeParams = OddSizeParams()
    measure = Quantity("side of a square of its area", pixels)

    def broken(self, job: ValidationJob, dataset_rules: Sequence[str]) -> Broken:
        """
        Select the images in play of odd sizes.

        What `dataset_rules` have put out counts among the sizes: the step may have run before.
        """
        is_in = ImageVerdict.verdict.in_(IN_PLAY)
        rows = (
            select(Image.id, func.sqrt(AREA.value).label("size"), is_in.label("is_in"))
            .join(ImageVerdict, ImageVerdict.image_id == Image.id)
            .where(
                ImageVerdict.validation_job_id == job.id,
                or_(is_in, ImageVerdict.rule.in_(dataset_rules)),
            )
            .cte("sizes")
        )
        both = func.percentile_cont(array([0.25, 0.75])).within_group(rows.c.size)
        quartiles = select(cast(both, ARRAY(NUMBER))).select_from(rows).scalar_subquery()
        lower, upper = quartiles[1], quartiles[2]
        spread = self.params.iqr_factor * (upper - lower)
        low, high = lower - spread, upper + spread
        limit = case((rows.c.size > high, high), else_=low)
        outside = or_(rows.c.size < low, rows.c.size > high)
        return select_broken(
            rows, and_(rows.c.is_in, outside), measured=rows.c.size, threshold=limit
        )

    def wanted(self) -> str:
        factor = number(self.params.iqr_factor)
        return f"a size within {factor} times the spread of the middle half"


class ClassSizeRule(SizeRule):
    """Classes with fewer images than min break it whole; of larger ones the images beyond max."""

    check: Literal["class_size"]
    params: Bounds
    measure = Quantity("number of images of its class", number)

    def broken(self, job: ValidationJob) -> Broken:
        return _outside(Image.keyword, self.params.min, self.params.max, job)

    def wanted(self) -> str:
        return self.params.of(self.measure)


class CapRule(SizeRule):
    """More images of one host, or of one creator, than this."""

    class CapParams(Params):
        max: Annotated[int, Field(ge=1, le=1_000_000)]

    check: Literal["host_cap", "creator_cap"]
    params: CapParams

    @property
    def quantity(self) -> Quantity:
        return Quantity(f"images of its {self.check.removesuffix('_cap')}", number)

    def broken(self, job: ValidationJob) -> Broken:
        column = Image.host if self.check == "host_cap" else Image.creator
        return _outside(column, None, self.params.max, job)

    def wanted(self) -> str:
        return f"at most {number(self.params.max)} {self.quantity.name}"


def _outside(
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
    return select_broken(rows, or_(*conditions), measured=rows.c.size, threshold=limit)
