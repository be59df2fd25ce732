from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from crawlset.deletions import PurgesAt
from crawlset.kit.fields import Name, RequestBody, RowRead
from crawlset.models import CrawlJob, JobStatus, Project

Description = Annotated[str, Field(max_length=5_000)]


class ProjectCreate(RequestBody):
    name: Name
    description: Description | None = None


class ProjectUpdate(RequestBody):
    name: Name = ""
    description: Description | None = None


class ProjectRead(RowRead):
    id: UUID
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    purges_at: PurgesAt


class CrawlJobInProject(RowRead):
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
