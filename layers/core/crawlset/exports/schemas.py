from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from crawlset.exports.formats import DEFAULT, ExportFormatName
from crawlset.exports.options import ExportOptions
from crawlset.kit.fields import RowRead
from crawlset.models import ExportJob, JobStatus
from crawlset.outcomes import LeftOutReason


class ExportRequest(BaseModel):
    """Export to be made once a crawl (and its validation) has completed."""

    model_config = ConfigDict(extra="forbid")

    format: ExportFormatName = DEFAULT
    export_options: ExportOptions = ExportOptions()


class ExportJobCreate(ExportRequest):
    validation_job_id: Annotated[
        UUID | None,
        Field(description="Export what this validation kept; null: everything stored"),
    ] = None


class WithheldRead(BaseModel):
    """Takedown that withholds an export, because images it names are in the files."""

    takedown_id: UUID
    at: Annotated[datetime, Field(description="When the takedown was asked for")]
    removes_at: Annotated[
        datetime | None, Field(description="When the files are deleted, unless it is revoked")
    ]
    is_removed: Annotated[bool, Field(description="Whether that has begun: they do not come back")]


class ExportJobRead(RowRead):
    id: UUID
    crawl_job_id: UUID
    validation_job_id: UUID | None
    status: JobStatus
    format: str
    export_options: ExportOptions
    n_images: int
    left_out: Annotated[
        dict[str, int],
        Field(
            description="Images that were chosen and cannot be exported as asked, by reason:"
            f" {', '.join(LeftOutReason)}"
        ),
    ]
    warnings: Annotated[
        list[str],
        Field(description="What loaders make of it that nobody would expect, as in the card"),
    ]
    file_size: Annotated[int, Field(description="Bytes of all files")]
    error_message: str | None
    expires_at: datetime | None
    withheld: Annotated[
        WithheldRead | None, Field(description="The takedown that keeps its files back, if any")
    ] = None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, job: ExportJob, withheld: WithheldRead | None = None) -> Self:
        return cls.model_validate(job).model_copy(update={"withheld": withheld})


class ExportFileRead(BaseModel):
    name: str
    file_size: int
    sha256: str
    url: Annotated[str, Field(description="GET it from here, within 15 minutes")]
