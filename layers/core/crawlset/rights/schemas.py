from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from crawlset.images.schemas import EmbeddedRead
from crawlset.kit.fields import RowRead
from crawlset.outcomes import Change, ImageStatus, Outcome, Verdict


class FoundRead(BaseModel):
    """How the candidate was found."""

    source: str
    query: Annotated[str | None, Field(description="What the source was asked")]
    keyword: Annotated[str | None, Field(description="The class it belongs to")]
    rank: Annotated[int, Field(description="Place in the source's answer, from 1")]
    url: str
    landing_url: str | None
    searched_at: Annotated[datetime | None, Field(description="When its job was created")]


class RightsRead(BaseModel):
    licence: Annotated[str | None, Field(description="SPDX-like id; null when in doubt")]
    licence_url: str | None
    licence_raw: Annotated[str | None, Field(description="Licence in the words of the source")]
    creator: str | None
    title: str | None
    attribution: Annotated[str | None, Field(description="A sentence that gives it its due")]
    embedded: Annotated[
        EmbeddedRead | None, Field(description="What the file itself says, which may differ")
    ]


class FetchRead(BaseModel):
    """The request that brought it, or failed to."""

    at: datetime
    final_url: str | None
    redirects: list[dict[str, Any]]
    address: Annotated[str | None, Field(description="IP address that was connected to")]
    http_status: int | None
    content_type: str | None
    etag: str | None
    last_modified: str | None
    elapsed_ms: int | None
    n_retries: int
    file_size: int | None
    sha256: Annotated[str | None, Field(description="SHA-256 of the stored bytes")]
    transform: Annotated[
        dict[str, Any] | None, Field(description="How they were made of those received")
    ]


class SignalRead(BaseModel):
    signal: Annotated[str, Field(description="A policy file, a header, a property of the picture")]
    rule: Annotated[str | None, Field(description="What in it spoke of this URL, if anything")]
    sha256: Annotated[
        str | None, Field(description="SHA-256 of the policy file, or of the header's value")
    ]
    at: Annotated[datetime | None, Field(description="When it was read")]
    is_refusal: bool


class VerdictOfImage(RowRead):
    validation_job_id: UUID
    verdict: Verdict
    rule: str | None
    measured: float | None
    threshold: float | None


class DecisionRead(BaseModel):
    """What became of it, and by which rule."""

    status: ImageStatus
    outcome: Outcome | None
    rule: Annotated[
        str | None, Field(description="Policy that refused the image; null if none did")
    ]
    detail: str | None
    duplicate_of: int | None
    verdicts: Annotated[
        list[VerdictOfImage], Field(description="Verdicts of the newest ten validations")
    ]
    change: Annotated[Change | None, Field(description="What the last re-crawl found")]
    checked_at: datetime | None


class ProvenanceRead(BaseModel):
    """Everything that is known of the rights in one candidate, kept or refused."""

    image_id: int
    crawl_job_id: UUID
    intended_use: str
    found: FoundRead
    rights: RightsRead
    fetch: Annotated[
        FetchRead | None,
        Field(description="How its URL was fetched; null when it was never asked for"),
    ]
    signals: list[SignalRead]
    decision: DecisionRead


class CrawlerRead(BaseModel):
    name: str
    version: str
    user_agent: str
    contact: str


class DomainRead(BaseModel):
    domain: Annotated[str, Field(description="Registrable: images.example.co.uk is example.co.uk")]
    n_images: int
    bytes: int


class Period(BaseModel):
    first: datetime | None
    last: datetime | None


class CrawledContent(BaseModel):
    """Section 2.3 of the template: data crawled and scraped from online sources."""

    crawlers: list[CrawlerRead]
    purposes: Annotated[list[str], Field(description="The intended uses that the jobs state")]
    behaviour: Annotated[list[str], Field(description="How the crawler goes about it")]
    period: Period
    sources: Annotated[dict[str, int], Field(description="Images kept, by source")]
    content: Annotated[dict[str, int], Field(description="Images kept, by format")]
    licences: Annotated[dict[str, int], Field(description="Images kept, by licence")]
    n_images: int
    bytes: int
    n_domains: int
    listed_share: Annotated[str, Field(description="Which of the domains are listed")]
    domains: Annotated[list[DomainRead], Field(description="The largest first, by bytes")]


class MeasureRead(BaseModel):
    signal: str
    standard: str
    n_jobs: Annotated[int, Field(description="Number of the jobs that heed the signal")]


class RightsMeasures(BaseModel):
    """Section 3.1 of the template: respect of reservations of rights from text and data mining."""

    n_jobs: int
    measures: list[MeasureRead]
    refused: Annotated[dict[Outcome, int], Field(description="Candidates not taken, by reason")]
    n_takedowns: int
    n_taken_down: Annotated[int, Field(description="Candidates removed by them")]


class SummaryRead(BaseModel):
    """What the public summary of training content asks of a provider, from the ledger."""

    project_id: UUID
    section_2_3: CrawledContent
    section_3_1: RightsMeasures
