from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from crawlset.kit.texts import printable
from crawlset.models import JobStatus, WorkStatus
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.settings import MAX_CANDIDATES, MAX_KEYWORDS, MAX_URLS_IN_REQUEST
from crawlset.sources.protocol import IntendedUse, ManifestFormat

MAX_URL_LENGTH = 8_192


def _hexadecimal(digest: bytes | None) -> str | None:
    return digest.hex() if digest is not None else None


def _has_host(url: str) -> str:
    parts = urlsplit(printable(url))
    if parts.scheme.lower() not in {"http", "https"}:
        message = "a URL begins with http:// or https://"
        raise ValueError(message)
    if not parts.hostname:
        message = "this URL has no host"
        raise ValueError(message)
    return url


Keyword = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(printable)]
SourceName = Annotated[str, Field(min_length=1, max_length=50)]
ImageUrl = Annotated[str, Field(min_length=1, max_length=MAX_URL_LENGTH), AfterValidator(_has_host)]
JobName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]


class CrawlJobCreate(BaseModel):
    """Keywords for search sources, or a list of URLs (in the request or uploaded) for `urls`."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: JobName
    keywords: Annotated[list[Keyword], Field(max_length=MAX_KEYWORDS)] = []
    sources: Annotated[list[SourceName], Field(min_length=1, max_length=20)]
    urls: Annotated[list[ImageUrl], Field(min_length=1, max_length=MAX_URLS_IN_REQUEST)] | None = (
        None
    )
    upload_id: UUID | None = None
    manifest_format: ManifestFormat | None = None
    max_images: Annotated[
        int | None,
        Field(ge=1, le=MAX_CANDIDATES, description="Try no more candidates than this"),
    ] = None
    licences: Annotated[list[str], Field(max_length=50)] = []
    intended_use: IntendedUse = IntendedUse.research
    validation_rules: Annotated[
        dict[str, Any] | None,
        Field(description="Validate with these when the crawl completes"),
    ] = None
    export: Annotated[
        dict[str, Any] | None, Field(description="Export so when the crawl completes")
    ] = None


class UploadRead(BaseModel):
    upload_id: UUID
    url: str
    method: str = "PUT"
    headers: dict[str, str] = {}
    expires_at: datetime


class Progress(BaseModel):
    """candidates = pending + stored + duplicate + rejected + refused + failed + cancelled"""

    candidates: int = 0
    pending: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    refused: int = 0
    failed: int = 0
    cancelled: int = 0


class ChunkCounts(BaseModel):
    total: int = 0
    pending: int = 0
    queued: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0


class SearchRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    source: str
    keyword: str | None
    status: WorkStatus
    n_candidates: int
    error_message: str | None


class CrawlJobRead(BaseModel):
    id: UUID
    project_id: UUID
    name: str
    status: JobStatus
    keywords: list[str]
    sources: list[str]
    max_images: int
    licences: list[str]
    intended_use: str
    error_message: str | None
    progress: Progress
    outcomes: dict[Outcome, int]
    bytes_stored: int
    chunks: ChunkCounts
    searches: list[SearchRead] = []
    validation_jobs: list[dict[str, Any]] = []
    export_jobs: list[dict[str, Any]] = []
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ChunkRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    status: WorkStatus
    lane: str | None
    attempt: int
    n_urls: int
    outcomes: dict[str, int]
    bytes_stored: int
    error_message: str | None
    created_at: datetime
    finished_at: datetime | None


class ImageRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    url: str
    status: ImageStatus
    outcome: Outcome | None
    detail: str | None
    source: str
    query: str | None
    keyword: str | None
    rank: int
    landing_url: str | None
    licence: str | None
    licence_raw: str | None
    creator: str | None
    attribution: str | None
    title: str | None
    final_url: str | None
    http_status: int | None
    content_type: str | None
    file_size: int | None
    sha256: Annotated[str | None, BeforeValidator(_hexadecimal)]
    width: int | None
    height: int | None
    format: str | None
    n_frames: int | None
    duplicate_of: int | None
    evidence: dict[str, Any] | None
    downloaded_at: datetime | None
