from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from crawlset.kit.fields import RowRead
from crawlset.models import JobStatus, ValidationJob
from crawlset.outcomes import Verdict
from crawlset.validation.rules.base import Rule, Severity
from crawlset.validation.rules.dataset import (
    ClusterRule,
    NearDuplicatesRule,
    SemanticDuplicatesRule,
)
from crawlset.validation.rules.image import ImageRule
from crawlset.validation.rules.measured import MeasurerName, MeasureRule
from crawlset.validation.rules.presets import PRESETS, Preset
from crawlset.validation.rules.registry import AnyRule

MAX_RULES = 50
MAX_MEASURERS = 20


class ValidationRules(BaseModel):
    """
    A preset, rules, or both: a rule of the same name takes the place of the preset's.

    Without either, `basic`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: Preset | None = None
    rules: Annotated[tuple[AnyRule, ...], Field(max_length=MAX_RULES)] = ()
    measurers: Annotated[
        tuple[MeasurerName, ...],
        Field(
            max_length=MAX_MEASURERS,
            description="Measurers that measure the images even if no rule asks for their measures",
        ),
    ] = ()

    @model_validator(mode="before")
    @classmethod
    def _is_basic_if_nothing_is_said(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("preset") is None and not given.get("rules"):
            return {**given, "preset": Preset.basic}
        return given

    @model_validator(mode="after")
    def _are_told_apart(self) -> Self:
        names = [rule.label for rule in self.rules]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            message = f"two rules are called {twice[0]}; give one a name of its own"
            raise ValueError(message)
        return self

    @classmethod
    def of(cls, job: ValidationJob) -> Self:
        return cls.model_validate(job.validation_rules)

    def resolved(self) -> list[Rule]:
        """The preset's rules and the request's own, which replace those of the same label."""
        usual = PRESETS[self.preset] if self.preset is not None else ()
        return list({rule.label: rule for rule in (*usual, *self.rules)}.values())

    def of_kind[Kind: Rule](self, kind: type[Kind]) -> list[Kind]:
        return [rule for rule in self.resolved() if isinstance(rule, kind)]

    def named[Kind: Rule](self, kind: type[Kind], label: str) -> Kind:
        (rule,) = (rule for rule in self.of_kind(kind) if rule.label == label)
        return rule

    def asked_measurers(self) -> list[str]:
        """Names of the measurers that are to have measured every image in play."""
        return list(dict.fromkeys([*self.measurers, *self.named_measurers()]))

    def named_measurers(self) -> list[str]:
        """Names of the measurers that rules read measures or vectors of."""
        named = [rule.params.measurer for rule in self.of_kind(MeasureRule)]
        read = [rule.measurer for rule in self.of_kind(ClusterRule) if rule.measurer is not None]
        return [*named, *read]

    def cluster_rules(self) -> list[ClusterRule]:
        """The rules that make clusters: near duplicates first, then semantic ones."""
        return [*self.of_kind(NearDuplicatesRule), *self.of_kind(SemanticDuplicatesRule)]

    def image_rules(self) -> list[ImageRule]:
        """The image rules, the gravest first: of those an image breaks, the first decides."""
        order = list(Severity)
        return sorted(self.of_kind(ImageRule), key=lambda rule: order.index(rule.severity))


class ValidationJobCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    validation_rules: ValidationRules = ValidationRules()


class VerdictCounts(BaseModel):
    kept: int
    quarantined: int
    rejected: int
    errors: Annotated[int, Field(description="Images of which a rule could not say anything")]


class ValidationJobRead(BaseModel):
    id: UUID
    crawl_job_id: UUID
    status: JobStatus
    validation_rules: ValidationRules
    counts: VerdictCounts
    by_rule: Annotated[
        dict[str, int], Field(description="Images that break each rule, whatever its severity")
    ]
    warnings: Annotated[list[str], Field(description="What to look at before the images are used")]
    error_message: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, job: ValidationJob) -> Self:
        return cls(
            id=job.id,
            crawl_job_id=job.crawl_job_id,
            status=job.status,
            validation_rules=ValidationRules.of(job),
            counts=VerdictCounts(
                kept=job.n_kept,
                quarantined=job.n_quarantined,
                rejected=job.n_rejected,
                errors=job.n_errors,
            ),
            by_rule=job.by_rule,
            warnings=job.warnings,
            error_message=job.error_message,
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
        )


class Histogram(BaseModel):
    edges: Annotated[
        list[float], Field(description="Edges of the bins, one more than there are bins")
    ]
    counts: list[int]


class Example(BaseModel):
    image_id: int
    verdict: Verdict
    rule: str | None
    measured: float | None
    threshold: float | None


class ClusterRead(RowRead):
    """A keeper, and images that are near duplicates of it."""

    keeper: int
    n_images: int
    image_ids: Annotated[list[int], Field(description="Some of them, the keeper first")]


class ClusterSizes(BaseModel):
    min: int
    max: int
    n_clusters: Annotated[int, Field(description="Clusters of `min` to `max` images")]


class ClassBalance(BaseModel):
    keyword: str | None
    keep: int = 0
    quarantine: int = 0
    reject: int = 0
    error: int = 0


class Stranger(BaseModel):
    image_id: int
    measured: Annotated[
        float, Field(description="Its margin by the measurer relevance, else its nearness")
    ]


class StrangersOfKeyword(BaseModel):
    """Images of a keyword that agree least with its others, the least first."""

    keyword: str | None
    images: list[Stranger]


class ReportRead(BaseModel):
    """The report of a completed validation."""

    validation_job_id: UUID
    counts: VerdictCounts
    by_rule: dict[str, int]
    rules: list[AnyRule]
    histograms: Annotated[
        dict[str, Histogram],
        Field(
            description="Histogram of each measure, over all judged images; of measurers by"
            " measurer.measure, over all that were measured"
        ),
    ]
    classes: list[ClassBalance]
    examples: list[Example]
    clusters: Annotated[list[ClusterRead], Field(description="The twenty largest")]
    cluster_sizes: Annotated[
        list[ClusterSizes], Field(description="Histogram of the sizes of clusters")
    ] = []
    warnings: Annotated[list[str], Field(description="Warnings of the validation job")]
    strangers: Annotated[
        list[StrangersOfKeyword],
        Field(
            description="Up to fifty keywords, of those that the measurer relevance has measured"
        ),
    ] = []


class Finding(BaseModel):
    """A rule that an image breaks; the numbers are null where it is not about a number."""

    rule: str
    severity: Severity | Literal["error"]
    measured: float | None = None
    threshold: float | None = None
    detail: str | None = None


class VerdictRead(RowRead):
    """`rule` decided, by `measured` against `threshold`; `findings` has every rule it breaks."""

    image_id: int
    url: str
    keyword: str | None
    verdict: Verdict
    rule: str | None
    measured: float | None
    threshold: float | None
    findings: list[Finding]
    duplicate_of: int | None
    cluster: Annotated[
        int | None, Field(description="The keeper of its cluster of near duplicates")
    ]
