"""Fetch one chunk for each message on the chunks and host-lanes queues."""

from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.parser.models import SqsRecordModel
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Json

from crawlset.fetching.service import ChunkMessage, fetch_chunk
from crawlset.imaging.pool import DecodePool
from crawlset.observability import logger, metrics
from crawlset.settings import crawler_settings


class ChunkRecord(SqsRecordModel):
    body: Json[ChunkMessage]


processor = BatchProcessor(
    event_type=EventType.SQS, model=ChunkRecord, raise_on_entire_batch_failure=False
)


@cache
def decode_pool() -> DecodePool:
    """The decoding children, which outlive an invocation as the function itself does."""
    return DecodePool()


def fetch_record(record: ChunkRecord, lambda_context: LambdaContext) -> None:
    message = record.body
    with logger.append_context_keys(
        job_id=str(message.job_id), chunk_id=str(message.chunk_id), attempt=message.attempt
    ):
        fetch_chunk(
            message,
            pool=decode_pool(),
            crawler=crawler_settings(),
            seconds_left=lambda: lambda_context.get_remaining_time_in_millis() / 1000,
        )


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return process_partial_response(event, fetch_record, processor, context)
