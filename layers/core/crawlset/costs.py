"""
What a crawl costs on AWS, from published prices.

On-demand prices of us-east-1 in US dollars, read from the services' price pages on 2026-11-23; no
free tier is taken off. A crawl job's share only: not the database, nor validations and exports.
"""

from dataclasses import dataclass
from math import ceil

from crawlset.settings import CANDIDATES_PER_PART

REGION = "us-east-1"
PRICES_AS_OF = "2026-11-23"

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

API_MIB = 1024
DISCOVER_MIB = 1769
FETCH_MIB = 3538
FETCH_STORAGE_MIB = 10240 - 512
PLAN_MIB = 1769
RECORD_MIB = 1024
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


@dataclass(frozen=True, kw_only=True)
class BilledWork:
    """What a crawl did or will do, as far as it is paid for."""

    n_searches: int
    n_candidates: int
    n_chunks: int
    """Chunks sent to a fetcher; each time counts."""
    fetch_seconds: float
    """Wall clock of all fetchers together."""
    bytes_stored: int


@dataclass(frozen=True, kw_only=True)
class Cost:
    """In US dollars."""

    aws_lambda: float
    """Functions, by memory and time."""
    s3: float
    """Requests, and what is stored for a month."""
    sqs: float
    requests: float
    """Invocations and calls of the API."""
    transfer: float
    """Downloading once what is stored."""

    @property
    def total(self) -> float:
        return self.aws_lambda + self.s3 + self.sqs + self.requests + self.transfer


def cost_of(work: BilledWork) -> Cost:
    n_parts = max(work.n_searches, ceil(work.n_candidates / CANDIDATES_PER_PART))
    return Cost(
        aws_lambda=_functions(work),
        s3=_storage(work, n_parts),
        sqs=SQS_REQUESTS_MESSAGE
        * (work.n_searches * SQS_FIFO_REQUEST + (n_parts + 2 * work.n_chunks) * SQS_REQUEST),
        requests=API_REQUESTS * (HTTP_API_REQUEST + 2 * LAMBDA_REQUEST)
        + (work.n_searches + n_parts + 2 * work.n_chunks) * LAMBDA_REQUEST,
        transfer=DOWNLOADS * work.bytes_stored / GB * TRANSFER_OUT_GB,
    )


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


def _storage(work: BilledWork, n_parts: int) -> float:
    writes = n_parts + work.n_chunks * CHUNK_WRITES + work.bytes_stored / PACK_PART_BYTES
    reads = n_parts + work.n_chunks * CHUNK_READS
    stored = work.bytes_stored / GB * S3_GB_MONTH * STORED_MONTHS
    return writes * S3_WRITE + reads * S3_READ + stored
