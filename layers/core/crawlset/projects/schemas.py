from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from crawlset.deletions import PurgesAt
from crawlset.kit.texts import printable, without_nul
from crawlset.models import CrawlJob, JobStatus, Project

Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]
Description = Annotated[str, Field(max_length=5_000), AfterValidator(without_nul)]


class ProjectCreate(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Name
    description: Description | None = None


class ProjectUpdate(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Name = ""
    description: Description | None = None


class ProjectRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    purges_at: PurgesAt


class CrawlJobInProject(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    status: JobStatus


class ProjectDetail(ProjectRead):
    """A project with its newest crawl jobs; `crawl_jobs_url` lists them all."""

    crawl_jobs: list[CrawlJobInProject]
    crawl_jobs_url: str

    @classmethod
    def of(cls, project: Project, crawl_jobs: Sequence[CrawlJob]) -> Self:
        return cls(
            **ProjectRead.model_validate(project).model_dump(),
            crawl_jobs=[CrawlJobInProject.model_validate(job) for job in crawl_jobs],
            crawl_jobs_url=f"/api/projects/{project.id}/crawl-jobs",
        )
