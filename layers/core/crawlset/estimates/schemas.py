from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from crawlset.crawls.schemas import CostRead


class Range(BaseModel):
    low: int
    expected: int
    high: int


class Basis(StrEnum):
    your_jobs = "your jobs"
    defaults = "defaults"


class Assumptions(BaseModel):
    """What an estimate rests on."""

    basis: Basis
    n_images_known: Annotated[
        int, Field(description="Candidates that your completed jobs of these sources fetched")
    ]
    bytes_per_image: int
    fetch_seconds_per_candidate: float
    candidates_per_chunk: float
    fetchers: int
    months_stored: int
    downloads: int
    price_region: str
    prices_as_of: str


class ProbeStatus(StrEnum):
    asked = "asked"
    answered = "answered"
    failed = "failed"


class ProbeRead(BaseModel):
    """What a source says it has of a keyword."""

    source: str
    keyword: str
    status: ProbeStatus
    total: Annotated[
        int | None, Field(description="Works that match; null if the source says nothing")
    ]
    licences: Annotated[
        dict[str, int], Field(description="Candidates of its first answer, by licence family")
    ]
    error_message: str | None
    asked_at: datetime


class EstimateRead(BaseModel):
    is_complete: Annotated[
        bool, Field(description="Whether every source has answered; if not, ask again in a moment")
    ]
    probes: Annotated[
        list[ProbeRead],
        Field(description="What the sources say, for sixty pairs of source and keyword at most"),
    ]
    candidates: Range
    licence_share: Annotated[
        float,
        Field(description="Share of the candidates under a licence that the job wants, 0 to 1"),
    ]
    expected_yield: Annotated[float, Field(description="Stored images of a candidate, 0 to 1")]
    images: Annotated[int, Field(description="Stored images that are expected")]
    bytes: Annotated[int, Field(description="Bytes of the stored images")]
    seconds: Annotated[float, Field(description="From the request to the last image")]
    cost: CostRead
    assumptions: Assumptions
