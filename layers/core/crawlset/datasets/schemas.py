from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from crawlset.crawls.schemas import Keyword, SourceName
from crawlset.kit.fields import Name, RequestBody
from crawlset.models import JobStatus
from crawlset.settings import MAX_CANDIDATES, MAX_KEYWORDS


class DatasetCreate(RequestBody):
    name: Name
    keywords: Annotated[list[Keyword], Field(min_length=1, max_length=MAX_KEYWORDS)]
    max_images: Annotated[int, Field(ge=1, le=MAX_CANDIDATES)] = 1_000
    search_engines: Annotated[list[SourceName], Field(max_length=20)] = []


class DatasetRead(BaseModel):
    """A crawl job in the shape of a dataset."""

    id: Annotated[UUID, Field(description="Id of the crawl job")]
    name: str
    keywords: list[str]
    max_images: int
    search_engines: Annotated[list[str], Field(description="The sources that are searched")]
    status: JobStatus
    n_images: Annotated[int, Field(description="Images stored")]
    created_at: datetime
    updated_at: datetime
    project_id: UUID
    crawl_job_id: UUID
    warnings: Annotated[
        list[str], Field(description="What was made otherwise than asked; when created only")
    ] = []
