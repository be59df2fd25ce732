"""How far a job has come, what it waits for, and what crawling it again has shown."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field


class Progress(BaseModel):
    """
    candidates = pending + stored + duplicate + rejected + refused + failed + cancelled

    Repeated ones are not among the candidates.
    """

    candidates: int = 0
    pending: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    refused: int = 0
    failed: int = 0
    cancelled: int = 0
    repeated: Annotated[
        int,
        Field(description="Rows of the list or hits whose URL had come before; the first counts"),
    ] = 0


class ChunkCounts(BaseModel):
    total: int = 0
    pending: int = 0
    queued: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0


class WaitedFor(StrEnum):
    source = "source"
    host = "host"
    storage = "storage"
    """Pictures were fetched, and could not be stored."""


class WaitRead(BaseModel):
    """What a job waits for."""

    kind: WaitedFor
    name: str
    reason: str
    n_waiting: Annotated[int, Field(description="Searches of the source, or images")]
    until: Annotated[datetime | None, Field(description="When it is asked again, if known")]


class RecrawlRead(BaseModel):
    """
    What the last re-crawl found of the stored pictures.

    asked = pending + unchanged + same_picture + replaced + gone + refused + failed + cancelled
    """

    started_at: datetime
    asked: int = 0
    pending: int = 0
    unchanged: int = 0
    same_picture: Annotated[int, Field(description="Other bytes that look the same")] = 0
    replaced: Annotated[int, Field(description="Another picture, stored in its place")] = 0
    gone: Annotated[int, Field(description="404 or 410; what is stored stays")] = 0
    refused: Annotated[int, Field(description="Taken out: the site does not want it used now")] = 0
    failed: Annotated[int, Field(description="Could not be asked for; what is stored stays")] = 0
    cancelled: int = 0
