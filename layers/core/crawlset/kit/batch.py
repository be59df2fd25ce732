"""The messages of one invocation, each on its own: what fails goes back to the queue alone."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.observability import logger, metrics


def handle_each(
    event: dict[str, Any], context: LambdaContext, handle: Callable[[SQSRecord], None]
) -> PartialItemFailureResponse:
    """
    Call `handle` with each record; log what fails, and report it for another delivery.

    A batch that fails whole is reported too, not raised: a function error would make the queue's
    mapping slow down.
    """

    def handle_logged(record: SQSRecord) -> None:
        try:
            handle(record)
        except Exception:
            receives = record.attributes.approximate_receive_count
            metrics.add_metric(name="RecordsFailed", unit="Count", value=1)
            logger.exception("record_failed", message_id=record.message_id, receives=receives)
            raise

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, handle_logged, processor, context)
