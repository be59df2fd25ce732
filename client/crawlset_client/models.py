"""What the service answers. Fields it adds later are kept, and come out in JSON again."""

from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")

FINAL = frozenset({"completed", "failed", "cancelled"})


class Record(BaseModel):
    model_config = ConfigDict(extra="allow")


class Work(Record):
    """Work that goes on by itself until it has ended one way or another."""

    id: str
    status: str
    error_message: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


class Page(Record, Generic[T]):
    items: list[T]
    next_cursor: str | None = None


class Health(Record):
    status: str = ""


class Project(Record):
    id: str
    name: str
    description: str | None = None
    created_at: datetime


class Upload(Record):
    upload_id: str
    url: str
    method: str = "PUT"
    headers: dict[str, str] = {}
    expires_at: datetime | None = None


class Progress(Record):
    """Images by what became of them; the parts add up to `candidates`."""

    candidates: int = 0
    pending: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    refused: int = 0
    failed: int = 0
    cancelled: int = 0


class ChunkCounts(Record):
    total: int = 0
    pending: int = 0
    queued: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0


class Query(Record):
    """What a source was asked, and who thought of it."""

    query: str
    by: str


class Search(Record):
    id: str
    source: str
    keyword: str | None = None
    queries: list[Query] | None = None
    status: str
    n_candidates: int = 0
    error_message: str | None = None


class VerdictCounts(Record):
    kept: int = 0
    quarantined: int = 0
    rejected: int = 0
    errors: int = 0

    @property
    def judged(self) -> int:
        return self.kept + self.quarantined + self.rejected + self.errors


class ValidationJob(Work):
    crawl_job_id: str
    validation_rules: dict[str, Any] = {}
    counts: VerdictCounts = VerdictCounts()
    by_rule: dict[str, int] = {}


class ExportJob(Work):
    crawl_job_id: str
    validation_job_id: str | None = None
    format: str
    export_options: dict[str, Any] | None = None
    n_images: int | None = None
    file_size: int | None = None
    expires_at: datetime | None = None


class ExportFile(Record):
    name: str
    file_size: int
    sha256: str
    url: str


class Cost(Record):
    """US dollars."""

    aws_lambda: float = 0.0
    s3: float = 0.0
    sqs: float = 0.0
    requests: float = 0.0
    transfer: float = 0.0
    total: float = 0.0


class Range(Record):
    low: int
    expected: int
    high: int


class Probe(Record):
    """What a source says it has of a keyword."""

    source: str
    keyword: str
    status: str
    total: int | None = None
    licences: dict[str, int] = {}
    error_message: str | None = None


class Estimate(Record):
    is_complete: bool = True
    """Whether every source has answered; if not, the next estimate may know more."""
    probes: list[Probe] = []
    candidates: Range
    expected_yield: float
    images: int
    bytes: int
    seconds: float
    cost: Cost
    assumptions: dict[str, Any] = {}


class CrawlJob(Work):
    project_id: str
    name: str
    keywords: list[str] = []
    sources: list[str] = []
    max_images: int | None = None
    licences: list[str] = []
    intended_use: str | None = None
    policy: dict[str, Any] = {}
    resize: dict[str, Any] | None = None
    progress: Progress = Progress()
    outcomes: dict[str, int] = {}
    bytes_stored: int = 0
    bytes_received: int = 0
    cost: Cost | None = None
    chunks: ChunkCounts = ChunkCounts()
    searches: list[Search] = []
    validation_jobs: list[ValidationJob] = []
    export_jobs: list[ExportJob] = []


class Chunk(Record):
    id: str
    status: str
    n_urls: int = 0
    not_before: datetime | None = None
    is_recrawl: bool = False


class Event(Record):
    """`type` is what and how, such as `crawl_job.completed`; `data` has its id and status."""

    id: int
    type: str
    data: dict[str, Any]
    created_at: datetime


class Image(Record):
    id: int
    url: str
    status: str
    outcome: str | None = None
    change: str | None = None
    checked_at: datetime | None = None


class Verdict(Record):
    image_id: int
    verdict: str
    rule: str | None = None


class Source(Record):
    name: str
    configured: bool
    intended_uses: list[str] = []
    licences: list[str] = []
    limits: str | None = None
    terms_url: str | None = None
    notes: str | None = None


class MovedDataset(Record):
    project_id: str
    crawl_job_id: str
    warnings: list[str] = []
