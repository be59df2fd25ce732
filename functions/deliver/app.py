"""Ask the servers that messages on the deliveries queue name: webhooks, and hosts to be proven."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.fetching import errands
from crawlset.kit.batch import Delivery, Failures, handle_each
from crawlset.observability import logger, metrics
from crawlset.wire.deliveries import SignedDelivery
from crawlset.wire.host_checks import HostCheck
from crawlset.wire.record import loads


def ask_named(delivery: Delivery) -> None:
    message = loads(delivery.body)
    if HostCheck.describes(message):
        errands.check_host(HostCheck.from_json(message))
    else:
        errands.deliver(SignedDelivery.from_json(message))


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Failures:
    return handle_each(event, ask_named)
