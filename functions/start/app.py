"""Start the executions of the pipeline that new objects name."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.observability import logger, metrics
from crawlset.pipeline import starting
from crawlset.wire.notices import keys_of_event


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    for key in keys_of_event(event):
        starting.start(key)
