"""End the work of messages that a queue gave up on, and of executions that broke off."""

from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.crawls import dead_letters
from crawlset.kit.batch import handle_each
from crawlset.observability import logger, metrics


def bury(message: SQSRecord) -> None:
    dead_letters.bury(message.body, int(message.attributes.approximate_receive_count))


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse | None:
    if event.get("detail-type") == "Step Functions Execution Status Change":
        dead_letters.bury_execution(event["detail"])
        return None
    return handle_each(event, context, bury)
