"""Every minute: send what waits, move what has stopped, start what is due, forget what expired."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.observability import logger, metrics
from crawlset.tick import chores


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """`{"requeue": true}` counts everything unfinished as stalled: after queues were lost."""
    return chores.tick(requeue=event.get("requeue") is True)
