import math
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from crawlset.models import ExportJob, JobStatus

Ratio = Annotated[float, Field(ge=0, le=1)]


class Splits(BaseModel):
    """Shares of the images; a split that is not named gets none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: Ratio = 0.0
    validation: Ratio = 0.0
    test: Ratio = 0.0

    @model_validator(mode="after")
    def add_up(self) -> Self:
        total = self.train + self.validation + self.test
        if not math.isclose(total, 1, abs_tol=1e-6):
            message = f"train, validation and test add up to {total:g}, not to 1"
            raise ValueError(message)
        return self


class ExportOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    splits: Splits = Splits(train=0.8, validation=0.1, test=0.1)
    seed: Annotated[
        str, Field(max_length=200, description="Another seed splits the images otherwise")
    ] = "crawlset"


class ExportRequest(BaseModel):
    """What to export once a crawl (and its validation) has completed."""

    model_config = ConfigDict(extra="forbid")

    format: Annotated[str, Field(min_length=1, max_length=50)] = "imagefolder"
    export_options: ExportOptions = ExportOptions()


class ExportJobCreate(ExportRequest):
    validation_job_id: Annotated[
        UUID | None,
        Field(description="Export what this validation kept; none: everything stored"),
    ] = None


class ExportJobRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    crawl_job_id: UUID
    validation_job_id: UUID | None
    status: JobStatus
    format: str
    export_options: ExportOptions
    n_images: int
    file_size: Annotated[int, Field(description="Bytes of all files")]
    error_message: str | None
    expires_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, job: ExportJob) -> Self:
        return cls.model_validate(job)


class ExportFileRead(BaseModel):
    name: str
    file_size: int
    sha256: str
    url: Annotated[str, Field(description="GET it from here, within 15 minutes")]
