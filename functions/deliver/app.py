"""Send what the messages on the deliveries queue hold to the addresses they name."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.fetching import posting
from crawlset.kit.batch import Delivery, Failures, handle_each
from crawlset.observability import logger, metrics
from crawlset.wire.deliveries import SignedDelivery


def deliver_signed(delivery: Delivery) -> None:
    posting.deliver(SignedDelivery.from_json(delivery.body))


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Failures:
    return handle_each(event, deliver_signed)
