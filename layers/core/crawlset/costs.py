"""
What a crawl costs on AWS, from published prices.

On-demand prices of us-east-1 in US dollars, at the date below; no free tier is taken off.
docs/costs.md names the page of each, and has what a month comes to.
"""

from dataclasses import dataclass, fields
from math import ceil

from crawlset.settings import CANDIDATES_IN_FIRST_PART, CANDIDATES_PER_PART

REGION = "us-east-1"
PRICES_AS_OF = "2026-11-30"

GB = 1e9
GIB = 1 << 30
MIB = 1 << 20

LAMBDA_GIB_SECOND = 0.0000133334
"""arm64, the first 7.5 billion a month."""
LAMBDA_STORAGE_GIB_SECOND = 0.0000000309
"""Price of /tmp beyond the free 512 MiB."""
LAMBDA_REQUEST = 0.20 / 1e6
HTTP_API_REQUEST = 1.00 / 1e6
SQS_REQUEST = 0.40 / 1e6
SQS_FIFO_REQUEST = 0.50 / 1e6
S3_WRITE = 0.005 / 1e3
S3_READ = 0.0004 / 1e3
S3_GB_MONTH = 0.023
TRANSFER_OUT_GB = 0.09
"""To the internet, the first 10 TB a month. What a crawl receives is free."""

AURORA_ACU_HOUR = 0.12
AURORA_GB_MONTH = 0.10
AURORA_IO = 0.20 / 1e6
LOG_GB = 0.50
STATE_TRANSITION = 0.025 / 1e3

FIXED_MONTH = 24.65
"""What a deployment costs a month if nothing is crawled: infra/costs_page.py counts it, and a test
holds this against it."""

API_MIB = 1024
DISCOVER_MIB = 1769
FETCH_MIB = 1769
FETCH_STORAGE_MIB = 10240 - 512
PLAN_MIB = 1769
RECORD_MIB = 1024
PIPELINE_MIB = 3538
"""Memory of the functions; a test holds these against the template."""

DISCOVER_SECONDS = 2.0
"""A search's, and a candidate's share of it; see docs/benchmarks.md for these rates."""
DISCOVER_SECONDS_CANDIDATE = 0.0001
PLAN_SECONDS_CANDIDATE = 0.00015
RECORD_SECONDS_CHUNK = 1.0
API_REQUESTS = 100
"""A job's, of somebody who watches it."""
API_SECONDS = 0.1
"""A request's, with its authorizer."""
SQS_REQUESTS_MESSAGE = 3
"""Sent, received, deleted."""
CHUNK_WRITES = 3
"""Input, pack, outcome."""
CHUNK_READS = 4
PACK_PART_BYTES = 64 << 20
STORED_MONTHS = 1
DOWNLOADS = 1
EXPORTED_MONTHS = 1
"""Files of an export are deleted after 30 days."""

ROW_BYTES = 2_500
"""A candidate's row with its indexes, in the database for a month."""
ROW_IOS = 1.6
"""Pages of 8 KB that Aurora writes for a candidate, planned and settled among many of its chunk."""
ROW_ACU_SECONDS = 0.0018
"""A candidate's 0.45 ms of a core, of which four capacity units have one."""
VALIDATE_SECONDS_IMAGE = 0.0006
"""Rules, and all hashes against all, on two cores."""
EXPORT_BYTES_SECOND = 200e6
EXPORT_SECONDS_IMAGE = 0.00024
"""To plan, finish and verify."""
TRANSITIONS_IMAGE = 0.001
CHUNK_LOG_BYTES = 10_000
"""Lines of all functions that have to do with a chunk, and Lambda's own."""
API_LOG_BYTES = 2_500


@dataclass(frozen=True, kw_only=True)
class BilledWork:
    """What a crawl did or will do, as far as it is paid for."""

    n_searches: int
    n_candidates: int
    n_chunks: int
    """Chunks sent to a fetcher; each time counts."""
    fetch_seconds: float
    """Wall clock of all fetchers together."""
    n_stored: int
    bytes_stored: int


@dataclass(frozen=True, kw_only=True)
class Cost:
    """In US dollars."""

    aws_lambda: float
    """Functions of the crawl, by memory and time."""
    s3: float
    """Requests."""
    sqs: float
    requests: float
    """Invocations and calls of the API."""
    database: float
    """A month of the rows, writing them, and the capacity that it takes."""
    pipeline: float
    """Validating and exporting once what is stored."""
    logs: float
    storage: float
    """What is stored and exported, for a month each."""
    transfer: float
    """Downloading once what is stored."""

    @property
    def total(self) -> float:
        return sum(float(getattr(self, field.name)) for field in fields(self))

    @property
    def compute_requests_and_queues(self) -> float:
        """What the crawl itself takes, but for the database."""
        return self.aws_lambda + self.s3 + self.sqs + self.requests


def cost_of(work: BilledWork) -> Cost:
    n_parts = _parts(work)
    return Cost(
        aws_lambda=_functions(work),
        s3=_objects(work, n_parts),
        sqs=SQS_REQUESTS_MESSAGE
        * (work.n_searches * SQS_FIFO_REQUEST + (n_parts + 2 * work.n_chunks) * SQS_REQUEST),
        requests=API_REQUESTS * (HTTP_API_REQUEST + 2 * LAMBDA_REQUEST)
        + (work.n_searches + n_parts + 2 * work.n_chunks) * LAMBDA_REQUEST,
        database=_database(work),
        pipeline=_pipeline(work),
        logs=(work.n_chunks * CHUNK_LOG_BYTES + API_REQUESTS * API_LOG_BYTES) / GB * LOG_GB,
        storage=work.bytes_stored / GB * S3_GB_MONTH * (STORED_MONTHS + EXPORTED_MONTHS),
        transfer=DOWNLOADS * work.bytes_stored / GB * TRANSFER_OUT_GB,
    )


def _parts(work: BilledWork) -> int:
    """Objects of candidates: a small one for each search, and what more there is."""
    n_more = work.n_candidates - work.n_searches * CANDIDATES_IN_FIRST_PART
    return work.n_searches + max(0, ceil(n_more / CANDIDATES_PER_PART))


def _functions(work: BilledWork) -> float:
    discovering = (
        work.n_searches * DISCOVER_SECONDS + work.n_candidates * DISCOVER_SECONDS_CANDIDATE
    )
    mib_seconds = (
        work.fetch_seconds * FETCH_MIB
        + discovering * DISCOVER_MIB
        + work.n_candidates * PLAN_SECONDS_CANDIDATE * PLAN_MIB
        + work.n_chunks * RECORD_SECONDS_CHUNK * RECORD_MIB
        + API_REQUESTS * API_SECONDS * API_MIB
    )
    storage_mib_seconds = work.fetch_seconds * FETCH_STORAGE_MIB
    return (mib_seconds * LAMBDA_GIB_SECOND + storage_mib_seconds * LAMBDA_STORAGE_GIB_SECOND) * (
        MIB / GIB
    )


def _database(work: BilledWork) -> float:
    stored = ROW_BYTES / GB * AURORA_GB_MONTH
    written = ROW_IOS * AURORA_IO
    capacity = ROW_ACU_SECONDS / 3600 * AURORA_ACU_HOUR
    return work.n_candidates * (stored + written + capacity)


def _pipeline(work: BilledWork) -> float:
    seconds = (
        work.n_stored * (VALIDATE_SECONDS_IMAGE + EXPORT_SECONDS_IMAGE)
        + work.bytes_stored / EXPORT_BYTES_SECOND
    )
    return (
        seconds * PIPELINE_MIB * MIB / GIB * LAMBDA_GIB_SECOND
        + work.n_stored * TRANSITIONS_IMAGE * STATE_TRANSITION
        + work.bytes_stored / PACK_PART_BYTES * (S3_WRITE + S3_READ)
    )


def _objects(work: BilledWork, n_parts: int) -> float:
    writes = n_parts + work.n_chunks * CHUNK_WRITES + work.bytes_stored / PACK_PART_BYTES
    reads = n_parts + work.n_chunks * CHUNK_READS
    return writes * S3_WRITE + reads * S3_READ
