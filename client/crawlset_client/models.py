"""Answers of the service, as typed records that keep the JSON they were read from."""

from datetime import datetime
from typing import Any, Self

import msgspec

FINAL = frozenset({"completed", "failed", "cancelled"})


class Record(msgspec.Struct, kw_only=True, dict=True):
    """
    One JSON object of the service.

    `document` is that object as it came: with the fields that this client does not know.
    """

    @classmethod
    def of(cls, document: Any) -> Self:
        """Read a JSON value. Raises `msgspec.ValidationError`."""
        record = msgspec.convert(document, cls)
        record.__dict__["document"] = document
        return record

    @property
    def document(self) -> dict[str, Any]:
        kept: dict[str, Any] | None = self.__dict__.get("document")
        return msgspec.to_builtins(self) if kept is None else kept


class Work(Record, kw_only=True):
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


class Document(Record, kw_only=True):
    """A document that is shown as it is."""


class Page(Record, kw_only=True):
    items: list[dict[str, Any]]
    next_cursor: str | None = None


class Health(Record, kw_only=True):
    status: str = ""
    version: str | None = None


class Project(Record, kw_only=True):
    id: str
    name: str
    description: str | None = None
    created_at: datetime
    deleted_at: datetime | None = None
    purges_at: datetime | None = None
    """Until then it can be restored, if it was deleted."""


class Upload(Record, kw_only=True):
    upload_id: str
    url: str
    method: str = "PUT"
    headers: dict[str, str] = {}
    expires_at: datetime | None = None


class Progress(Record, kw_only=True):
    """Images by what became of them; the parts add up to `candidates`."""

    candidates: int = 0
    pending: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    refused: int = 0
    failed: int = 0
    cancelled: int = 0
    repeated: int = 0
    """Rows or hits whose URL had come before; not among the candidates."""


class ChunkCounts(Record, kw_only=True):
    total: int = 0
    pending: int = 0
    queued: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0


class Query(Record, kw_only=True):
    """What a source was asked, and who thought of it."""

    query: str
    by: str


class UnreadList(Record):
    """A file of a list that could not be read, and why."""

    name: str
    reason: str


class Search(Record, kw_only=True):
    id: str
    source: str
    keyword: str | None = None
    queries: list[Query] | None = None
    status: str
    n_candidates: int = 0
    n_repeated: int = 0
    n_altered: int = 0
    n_skipped: int = 0
    """Items of the source's answers that could not be read."""
    n_rows_read: int = 0
    """Rows of its list that have been read."""
    bytes_read: int = 0
    bytes_total: int | None = None
    n_unread: int = 0
    """Files of its list that could not be read."""
    unread_lists: list[UnreadList] | None = None
    """The first of these."""
    n_failures: int = 0
    last_error: str | None = None
    next_attempt_at: datetime | None = None
    error_message: str | None = None


class Wait(Record, kw_only=True):
    """A source or a host that a job waits for, and until when if that is known."""

    kind: str
    name: str
    reason: str
    n_waiting: int = 0
    until: datetime | None = None


class Recrawl(Record, kw_only=True):
    """Stored pictures by what asking for them again has found; the parts add up to `asked`."""

    started_at: datetime
    asked: int = 0
    pending: int = 0
    unchanged: int = 0
    same_picture: int = 0
    replaced: int = 0
    gone: int = 0
    refused: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def found(self) -> dict[str, int]:
        """What was found at all, the most first."""
        parts = {
            name: getattr(self, name)
            for name in self.__struct_fields__
            if name not in {"started_at", "asked", "pending"}
        }
        found = sorted(parts.items(), key=lambda part: -part[1])
        return {name: n for name, n in found if n}


class VerdictCounts(Record, kw_only=True):
    kept: int = 0
    quarantined: int = 0
    rejected: int = 0
    errors: int = 0

    @property
    def judged(self) -> int:
        return self.kept + self.quarantined + self.rejected + self.errors


class ValidationJob(Work, kw_only=True):
    crawl_job_id: str
    validation_rules: dict[str, Any] = {}
    counts: VerdictCounts = msgspec.field(default_factory=VerdictCounts)
    by_rule: dict[str, int] = {}
    warnings: list[str] = []
    """What to look at before the images are used."""


class Withheld(Record, kw_only=True):
    """The takedown that keeps the files of an export back."""

    takedown_id: str
    at: datetime
    removes_at: datetime | None = None
    is_removed: bool = False
    """Whether they are gone for good."""


class ExportJob(Work, kw_only=True):
    crawl_job_id: str
    validation_job_id: str | None = None
    format: str
    export_options: dict[str, Any] | None = None
    n_images: int | None = None
    left_out: dict[str, int] = {}
    """Images that were chosen and cannot be exported as asked, by reason."""
    warnings: list[str] = []
    """What loaders make of the export that nobody would expect."""
    file_size: int | None = None
    expires_at: datetime | None = None
    withheld: Withheld | None = None


class ExportFile(Record, kw_only=True):
    name: str
    file_size: int
    sha256: str
    url: str


class Cost(Record, kw_only=True):
    """US dollars."""

    aws_lambda: float = 0.0
    s3: float = 0.0
    sqs: float = 0.0
    requests: float = 0.0
    database: float = 0.0
    pipeline: float = 0.0
    logs: float = 0.0
    storage: float = 0.0
    transfer: float = 0.0
    total: float = 0.0
    fixed_per_month: float = 0.0
    """What the deployment costs if nothing is crawled; not in the total."""


class Range(Record, kw_only=True):
    low: int
    expected: int
    high: int


class Probe(Record, kw_only=True):
    """What a source says it has of a keyword."""

    source: str
    keyword: str
    status: str
    total: int | None = None
    licences: dict[str, int] = {}
    error_message: str | None = None


class Estimate(Record, kw_only=True):
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


class CrawlJob(Work, kw_only=True):
    project_id: str
    name: str
    keywords: list[str] = []
    sources: list[str] = []
    max_images: int | None = None
    licences: list[str] = []
    intended_use: str | None = None
    policy: dict[str, Any] = {}
    per_host: dict[str, int] = {}
    resize: dict[str, Any] | None = None
    formats: list[str] = []
    transcode: str | None = None
    keep_location: bool = False
    url_column: str | None = None
    caption_column: str | None = None
    label_column: str | None = None
    licence_column: str | None = None
    creator_column: str | None = None
    sha256_column: str | None = None
    md5_column: str | None = None
    keep_columns: list[str] | None = None
    encoding: str | None = None
    keep_repeated: bool = True
    progress: Progress = msgspec.field(default_factory=Progress)
    outcomes: dict[str, int] = {}
    bytes_stored: int = 0
    bytes_received: int = 0
    deleted_at: datetime | None = None
    purges_at: datetime | None = None
    """Until then it can be restored, if it was deleted."""
    cost: Cost | None = None
    chunks: ChunkCounts = msgspec.field(default_factory=ChunkCounts)
    searches: list[Search] = []
    waiting: list[Wait] = []
    recrawl: Recrawl | None = None
    validation_jobs: list[ValidationJob] = []
    export_jobs: list[ExportJob] = []


class Chunk(Record, kw_only=True):
    id: str
    status: str
    n_urls: int = 0
    not_before: datetime | None = None
    is_recrawl: bool = False


class Event(Record, kw_only=True):
    """`type` is what and how, such as `crawl_job.completed`; `data` has its id and status."""

    id: int
    type: str
    data: dict[str, Any]
    created_at: datetime


class Image(Record, kw_only=True):
    id: int
    url: str
    status: str
    outcome: str | None = None
    detail: str | None = None
    source: str | None = None
    keyword: str | None = None
    rank: int | None = None
    """Its place in the list, or in what the source found, from 1."""
    licence: str | None = None
    file_size: int | None = None
    width: int | None = None
    height: int | None = None
    embedded: dict[str, Any] | None = None
    """What the file says about itself; a field that it does not have is null."""
    columns: dict[str, Any] | None = None
    """What else its list says of it."""
    measurements: dict[str, Any] | None = None
    """By the name of the measurer: its `version`, `measures` and `details`, or an `error`."""
    change: str | None = None
    checked_at: datetime | None = None


class Content(Record, kw_only=True):
    """Where the bytes of a stored image are to be had."""

    url: str
    headers: dict[str, str]
    file_size: int
    sha256: str
    expires_at: datetime


class Verdict(Record, kw_only=True):
    image_id: int
    verdict: str
    rule: str | None = None


class Allowance(Record, kw_only=True):
    """Questions that a source still takes, of all jobs together."""

    n_left: int
    limit: int
    period_seconds: int
    seen_at: datetime


class Source(Record, kw_only=True):
    name: str
    configured: bool
    reason: str | None = None
    """Why it cannot be searched here, if it cannot."""
    intended_uses: list[str] = []
    licences: list[str] = []
    limits: str | None = None
    terms_url: str | None = None
    notes: str | None = None
    obstacles: str | None = None
    """What stands in its way at the moment."""
    allowance: Allowance | None = None


class MovedDataset(Record, kw_only=True):
    project_id: str
    crawl_job_id: str
    warnings: list[str] = []
