from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from crawlset.crawls.list_schemas import ListedUpload, ListOptions
from crawlset.crawls.progress_schemas import ChunkCounts, Progress, RecrawlRead, WaitRead
from crawlset.deletions import PurgesAt
from crawlset.exports.schemas import ExportJobRead
from crawlset.imaging.schemas import ResizeCreate
from crawlset.kit.fields import Name, RequestBody, RowRead, printable
from crawlset.models import JobStatus, WorkStatus
from crawlset.outcomes import Outcome
from crawlset.resizing import BROWSER_FORMATS, EXTENSIONS, ImageFormat, StoredFormat
from crawlset.settings import (
    FEWEST_PER_OWNED_HOST,
    MAX_CANDIDATES,
    MAX_KEYWORDS,
    MAX_LISTS_IN_REQUEST,
    MAX_OWNED_HOSTS,
    MAX_URLS_IN_REQUEST,
    MOST_PER_OWNED_HOST,
)
from crawlset.urls.spelling import read_host
from crawlset.validation.schemas import ValidationJobRead
from crawlset.wire.searches import IntendedUse, ManifestFormat


def _rounded(dollars: float) -> float:
    return round(dollars, 6)


Dollars = Annotated[float, AfterValidator(_rounded)]
Keyword = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(printable)]
SourceName = Annotated[str, Field(min_length=1, max_length=50)]
Language = Annotated[str, Field(pattern="^[a-z]{2,3}(-[a-z]{2,8})?$")]


def _spelled(per_host: dict[str, int]) -> dict[str, int]:
    """Hosts in their one spelling, in which they are compared."""
    spelled: dict[str, int] = {}
    for name, n in per_host.items():
        host = read_host(name)
        if host in spelled:
            message = f"{host} is named twice"
            raise ValueError(message)
        spelled[host] = n
    return spelled


class FetchPolicyCreate(BaseModel):
    """Which opt-outs the crawler heeds, and how gently it asks. All are heeded unless switched."""

    model_config = ConfigDict(extra="forbid", strict=True)

    robots: Annotated[bool, Field(description="robots.txt")] = True
    tdmrep: Annotated[bool, Field(description="/.well-known/tdmrep.json")] = True
    x_robots_tag: bool = True
    tdm_reservation: bool = True
    content_usage: bool = True
    xmp_data_mining: Annotated[bool, Field(description="plus:DataMining in the file")] = True
    min_gap_seconds: Annotated[
        float, Field(ge=0, le=60, description="Between two requests to one host")
    ] = 0.0


class ExpansionCreate(BaseModel):
    """What else to search for. Whatever was added is shown with the job's searches."""

    model_config = ConfigDict(extra="forbid", strict=True)

    plurals: Annotated[bool, Field(description="English plurals")] = False
    languages: Annotated[
        list[Language],
        Field(max_length=5, description="Wikidata's word for it in these languages: de, fr, ja"),
    ] = []
    suggestions: Annotated[
        bool, Field(description="Queries of the language model that the deployment names")
    ] = False


class CrawlJobCreate(ListOptions, RequestBody):
    """Keywords for search sources, or a list of URLs (in the request or uploaded) for `urls`."""

    name: Name
    keywords: Annotated[list[Keyword], Field(max_length=MAX_KEYWORDS)] = []
    sources: Annotated[
        list[SourceName],
        Field(max_length=20, description="Where to search; a list by itself is one of urls"),
    ] = []
    urls: Annotated[
        list[str] | None,
        Field(
            min_length=1,
            max_length=MAX_URLS_IN_REQUEST,
            description="What is no URL among them becomes an image with the outcome invalid_url",
        ),
    ] = None
    upload_id: UUID | None = None
    lists: Annotated[
        list[ListedUpload] | None,
        Field(
            min_length=1,
            max_length=MAX_LISTS_IN_REQUEST,
            description="Several uploads, read as one list in this order",
        ),
    ] = None
    list_uri: Annotated[
        str | None,
        Field(
            max_length=1_024,
            description="s3://bucket/prefix/ that the deployment allows: the lists below it, read"
            " in the order of their keys",
        ),
    ] = None
    manifest_format: ManifestFormat | None = None
    max_images: Annotated[
        int | None,
        Field(ge=1, le=MAX_CANDIDATES, description="Try no more candidates than this"),
    ] = None
    licences: Annotated[list[str], Field(max_length=50)] = []
    intended_use: IntendedUse = IntendedUse.research
    expansion: Annotated[
        ExpansionCreate, Field(description="Search for more than the keywords themselves")
    ] = ExpansionCreate()
    policy: FetchPolicyCreate = FetchPolicyCreate()
    per_host: Annotated[
        dict[
            Annotated[str, Field(min_length=1, max_length=254)],
            Annotated[int, Field(strict=True, ge=FEWEST_PER_OWNED_HOST, le=MOST_PER_OWNED_HOST)],
        ],
        Field(
            max_length=MAX_OWNED_HOSTS,
            description="Requests at once to these hosts, of all fetchers together. The deployment"
            " must own each, or you have proven that you do; all others are asked as always",
            examples=[{"images.example.org": 64}],
        ),
        AfterValidator(_spelled),
    ] = {}
    resize: Annotated[
        ResizeCreate | None, Field(description="Store pictures resized; null: as received")
    ] = None
    formats: Annotated[
        list[ImageFormat],
        Field(
            min_length=1,
            max_length=len(EXTENSIONS),
            description="Take pictures in these formats; by itself what every browser shows",
        ),
    ] = list(BROWSER_FORMATS)
    transcode: Annotated[
        StoredFormat | None,
        Field(description="Store pictures in any other format in this one; null: refuse them"),
    ] = None
    keep_location: Annotated[
        bool,
        Field(
            strict=True, description="Keep where a file says that it was taken, which may be a home"
        ),
    ] = False
    validation_rules: Annotated[
        dict[str, Any] | None,
        Field(description="Validate with these when the crawl completes"),
    ] = None
    export: Annotated[
        dict[str, Any] | None, Field(description="Export so when the crawl completes")
    ] = None

    @model_validator(mode="after")
    def _list_implies_urls(self) -> Self:
        if not self.sources and self.given_lists():
            self.sources = ["urls"]
        return self

    def given_lists(self) -> list[str]:
        """Names of the fields that bring a list."""
        names = ("urls", "upload_id", "lists", "list_uri")
        return [name for name in names if getattr(self, name) is not None]


class QueryRead(BaseModel):
    query: str
    by: Annotated[str, Field(description="keyword, plural, language:de and so on, or model")]


class UnreadListRead(BaseModel):
    """A file of a list that could not be read; the others are crawled."""

    name: str
    reason: str


class CostRead(RowRead):
    """US dollars at published prices, free tiers not taken off."""

    aws_lambda: Annotated[Dollars, Field(description="Functions, by memory and time")]
    s3: Annotated[Dollars, Field(description="Requests, and a month of what is stored")]
    sqs: Dollars
    requests: Annotated[Dollars, Field(description="Invocations and calls of the API")]
    transfer: Annotated[Dollars, Field(description="Downloading once what is stored")]
    total: Dollars


class SearchRead(RowRead):
    id: UUID
    source: str
    keyword: str | None
    queries: Annotated[
        list[QueryRead] | None,
        Field(description="What the source was asked, once an expanded search has been planned"),
    ]
    status: WorkStatus
    n_candidates: int
    n_repeated: Annotated[
        int, Field(description="Rows or hits whose URL had come before; the first counts")
    ]
    n_skipped: Annotated[
        int,
        Field(description="Items of the source's answers that could not be read, or no pictures"),
    ]
    n_altered: Annotated[
        int,
        Field(description="Candidates with a text that was too long, or not all text"),
    ]
    n_rows_read: Annotated[int, Field(description="Rows of its list that have been read")]
    bytes_read: Annotated[int, Field(description="Bytes of its list, as it is stored")]
    bytes_total: Annotated[
        int | None, Field(description="Bytes that its list has; null: not known yet")
    ]
    n_unread: Annotated[int, Field(description="Files of its list that could not be read")]
    unread_lists: Annotated[
        list[UnreadListRead] | None, Field(description="The first hundred of these")
    ]
    n_failures: Annotated[
        int, Field(description="Times that its source did not answer, or asked to wait")
    ]
    last_error: Annotated[str | None, Field(description="What its source did the last time")]
    next_attempt_at: Annotated[
        datetime | None, Field(description="When its source is asked again, while it waits")
    ]
    error_message: str | None


class CrawlJobRead(ListOptions):
    id: UUID
    project_id: UUID
    name: str
    status: JobStatus
    keywords: list[str]
    sources: list[str]
    max_images: int
    licences: list[str]
    intended_use: str
    expansion: ExpansionCreate
    policy: FetchPolicyCreate
    per_host: Annotated[
        dict[str, int], Field(description="Requests at once to hosts that the deployment owns")
    ]
    resize: ResizeCreate | None
    formats: list[ImageFormat]
    transcode: StoredFormat | None
    keep_location: bool
    error_message: str | None
    progress: Progress
    outcomes: dict[Outcome, int]
    bytes_stored: int
    bytes_received: int
    cost: Annotated[
        CostRead | None,
        Field(description="From what fetchers measured; null before the job has ended"),
    ] = None
    chunks: ChunkCounts
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deleted_at: datetime | None
    purges_at: PurgesAt


class ProjectOfJob(RowRead):
    id: UUID
    name: str


class CrawlJobDetail(CrawlJobRead):
    """A crawl job with what belongs to it; the addresses list what is too much to be shown here."""

    project: ProjectOfJob
    waiting: Annotated[
        list[WaitRead],
        Field(description="Sources and hosts that the job waits for; of hosts, the busiest ten"),
    ] = []
    recrawl: Annotated[
        RecrawlRead | None, Field(description="The newest re-crawl; null if there was none")
    ] = None
    searches: list[SearchRead]
    validation_jobs: Annotated[list[ValidationJobRead], Field(description="The newest ten")]
    export_jobs: Annotated[list[ExportJobRead], Field(description="The newest ten")]
    chunks_url: str
    images_url: str
    events_url: str
    validation_jobs_url: str
    export_jobs_url: str


class ChunkRead(RowRead):
    id: UUID
    status: WorkStatus
    lane: str | None
    per_host: Annotated[
        int | None,
        Field(description="Requests at once to its host, which is owned; null: as always"),
    ]
    attempt: int
    not_before: datetime | None
    is_recrawl: bool
    n_urls: int
    outcomes: dict[str, int]
    bytes_stored: int
    error_message: str | None
    created_at: datetime
    finished_at: datetime | None
