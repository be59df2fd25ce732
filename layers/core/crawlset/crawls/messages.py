"""What travels between the functions: messages of ids, and lines of objects."""

import re
from typing import Any, Literal
from urllib.parse import unquote_plus
from uuid import UUID

from pydantic import BaseModel

CANDIDATES_KEY = re.compile(
    r"jobs/(?P<job_id>[0-9a-f-]{36})/candidates/(?P<search_id>[0-9a-f-]{36})\.(?P<part>\d{5})\.jsonl\.gz"
)
OUTCOME_KEY = re.compile(
    r"jobs/(?P<job_id>[0-9a-f-]{36})/chunks/(?P<chunk_id>[0-9a-f-]{36})/outcome"
)


class ChunkMessage(BaseModel):
    v: Literal[1] = 1
    job_id: UUID
    chunk_id: UUID
    attempt: int


class CandidatesPart(BaseModel):
    """Which candidates a key of the bucket holds."""

    job_id: UUID
    search_id: UUID
    part: int


class ChunkOutcome(BaseModel):
    """Which chunk's outcome a key of the bucket holds."""

    job_id: UUID
    chunk_id: UUID


def keys_of(body: dict[str, Any]) -> list[str]:
    """
    The object keys that a message names: an S3 event, or `{"v": 1, "key": …}` from the tick.

    S3 announces itself once with a test event, which names none.
    """
    if body.get("Event") == "s3:TestEvent":
        return []
    if "key" in body:
        return [body["key"]]
    return [unquote_plus(record["s3"]["object"]["key"]) for record in body["Records"]]


def job_id_of(key: str) -> str:
    """The job in `jobs/{job}/…`, for the log."""
    return key.split("/")[1]


def parse_candidates_key(key: str) -> CandidatesPart:
    match = CANDIDATES_KEY.fullmatch(key)
    if match is None:
        message = f"{key} is not a key of candidates"
        raise ValueError(message)
    return CandidatesPart.model_validate(match.groupdict())


def parse_outcome_key(key: str) -> ChunkOutcome:
    match = OUTCOME_KEY.fullmatch(key)
    if match is None:
        message = f"{key} is not a key of an outcome"
        raise ValueError(message)
    return ChunkOutcome.model_validate(match.groupdict())
