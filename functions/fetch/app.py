"""
Fetch one chunk for each message on the chunks and host-lanes queues.

Starts often, so it waits for neither boto3 nor pydantic.
"""

from functools import cache, partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.fetching.service import fetch_chunk
from crawlset.identity import Crawler
from crawlset.imaging.pool import DecodePool
from crawlset.kit import environment
from crawlset.kit.batch import Delivery, Failures, handle_each
from crawlset.observability import logger, metrics
from crawlset.wire.chunks import ChunkMessage

environment.clear_disk()


@cache
def decode_pool() -> DecodePool:
    """The decoding children, which outlive an invocation as the function itself does."""
    return DecodePool()


def fetch_named(delivery: Delivery, context: LambdaContext) -> None:
    message = ChunkMessage.from_json(delivery.body)
    with logger.append_context_keys(
        job_id=str(message.job_id), chunk_id=str(message.chunk_id), attempt=message.attempt
    ):
        fetch_chunk(
            message,
            pool=decode_pool(),
            crawler=Crawler.from_environment(),
            seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
        )


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Failures:
    return handle_each(event, partial(fetch_named, context=context))
