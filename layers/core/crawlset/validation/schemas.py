from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from crawlset.models import JobStatus, ValidationJob, Verdict

MAX_SIDE = 100_000

Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
FileSize = Annotated[int, Field(ge=0, le=1 << 40, description="Bytes")]
ImageFormat = Literal["jpeg", "png", "webp", "gif"]


class ValidationRules(BaseModel):
    """What an image must be to be kept. Sides in pixels; no bound where none is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    formats: Annotated[tuple[ImageFormat, ...], Field(min_length=1)] = (
        "jpeg",
        "png",
        "webp",
        "gif",
    )
    min_width: Side = 64
    min_height: Side = 64
    max_width: Side | None = None
    max_height: Side | None = None
    max_aspect_ratio: Annotated[
        float | None,
        Field(ge=1, le=MAX_SIDE, description="Longer side to shorter side"),
    ] = 5.0
    min_file_size: FileSize = 0
    max_file_size: FileSize | None = None
    allow_animated: Annotated[bool, Field(description="Keep images of several frames")] = True
    exact_duplicates: Annotated[
        bool, Field(description="Reject all but one of the images with the same bytes")
    ] = True

    @model_validator(mode="after")
    def can_be_met(self) -> Self:
        for name in ("width", "height", "file_size"):
            least, most = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if most is not None and least > most:
                message = f"min_{name} {least} is above max_{name} {most}: nothing would be kept"
                raise ValueError(message)
        if self.max_aspect_ratio is not None:
            narrowest = max(
                self.min_width / (self.max_height or MAX_SIDE),
                self.min_height / (self.max_width or MAX_SIDE),
            )
            if narrowest > self.max_aspect_ratio:
                message = (
                    f"the sides allowed make an aspect ratio of at least {narrowest:.2f}, above "
                    f"max_aspect_ratio {self.max_aspect_ratio}: nothing would be kept"
                )
                raise ValueError(message)
        return self


class ValidationJobCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    validation_rules: ValidationRules = ValidationRules()


class VerdictCounts(BaseModel):
    kept: int
    rejected: int


class ValidationJobRead(BaseModel):
    id: UUID
    crawl_job_id: UUID
    status: JobStatus
    validation_rules: ValidationRules
    counts: VerdictCounts
    by_rule: Annotated[dict[str, int], Field(description="Images rejected, by the rule")]
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
            validation_rules=ValidationRules.model_validate(job.validation_rules),
            counts=VerdictCounts(kept=job.n_kept, rejected=job.n_rejected),
            by_rule=job.by_rule,
            error_message=job.error_message,
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
        )


class VerdictRead(BaseModel):
    """`measured` broke `threshold`; both are null where a rule is not about a number."""

    model_config = ConfigDict(from_attributes=True)

    image_id: int
    url: str
    keyword: str | None
    verdict: Verdict
    rule: str | None
    measured: float | None
    threshold: float | None
    duplicate_of: int | None
