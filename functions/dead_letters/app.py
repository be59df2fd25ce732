"""End the work of messages that a queue gave up on, and of executions that broke off."""

from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.crawls import dead_letters
from crawlset.observability import logger, metrics

processor = BatchProcessor(
    event_type=EventType.SQS, raise_on_entire_batch_failure=False
)


def bury(record: SQSRecord) -> None:
    n_receives = int(record.attributes.approximate_receive_count)
    dead_letters.bury(record.body, n_receives)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(
    event: dict[str, Any], context: LambdaContext
) -> PartialItemFailureResponse | None:
    if event.get("detail-type") == "Step Functions Execution Status Change":
        dead_letters.bury_execution(event["detail"])
        return None
    return process_partial_response(event, bury, processor, context)
