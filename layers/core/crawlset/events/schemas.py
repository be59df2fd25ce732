from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from crawlset.kit.fields import RowRead


class EventRead(RowRead):
    """`type` is what and how, such as `crawl_job.completed`; `data.id` says which one."""

    id: int
    type: str
    data: dict[str, Any]
    created_at: datetime


class EventPage(BaseModel):
    items: list[EventRead]
    next_cursor: Annotated[
        str | None,
        Field(description="Where to go on, also when nothing more has happened yet"),
    ]


class ActivityRead(RowRead):
    id: int
    timestamp: datetime
    action: str
    resource_type: str
    resource_id: UUID | None
    metadata: Annotated[dict[str, Any], Field(validation_alias="metadata_")]
