"""Ask sources for candidates, and write them where `plan` finds them."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.kit.batch import Failures, handle_each
from crawlset.observability import logger, metrics
from crawlset.sources import worker


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Failures:
    return handle_each(event, worker.handle, keeps_order=True)
