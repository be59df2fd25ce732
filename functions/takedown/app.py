"""Carry on takedowns, and rewrite packs without what was taken down."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.kit import environment
from crawlset.kit.batch import Delivery, Failures, handle_each
from crawlset.observability import logger, metrics
from crawlset.takedowns import rewriting
from crawlset.takedowns.carrying_on import carry_on
from crawlset.wire.takedowns import TakedownMessage

environment.clear_disk()


def handle_message(delivery: Delivery) -> None:
    message = TakedownMessage.from_json(delivery.body)
    if message.takedown_id is not None:
        carry_on(message.user_id, message.takedown_id)
    if message.rewrite_id is not None:
        rewriting.rewrite(message.user_id, message.rewrite_id)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Failures:
    return handle_each(event, handle_message)
