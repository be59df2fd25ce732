"""End the work of messages that a queue gave up on, and of executions that broke off."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.crawls import dead_letters
from crawlset.kit.batch import Delivery, Failures, handle_each
from crawlset.observability import logger, metrics


def bury(delivery: Delivery) -> None:
    dead_letters.bury(delivery.body, delivery.n_receives)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Failures | None:
    if event.get("detail-type") == "Step Functions Execution Status Change":
        dead_letters.bury_execution(event["detail"])
        return None
    return handle_each(event, bury)
