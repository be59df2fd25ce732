"""Record what messages on the results queue tell of: chunks, deliveries, checks of hosts."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.crawls import recording
from crawlset.hosts import recording as hosts
from crawlset.kit.batch import Delivery, Failures, handle_each
from crawlset.observability import logger, metrics
from crawlset.webhooks import recording as webhooks
from crawlset.wire import keys
from crawlset.wire.deliveries import DeliveryResult
from crawlset.wire.host_checks import HostCheckResult
from crawlset.wire.notices import keys_of
from crawlset.wire.record import loads


def record_named(delivery: Delivery) -> None:
    message = loads(delivery.body)
    if DeliveryResult.describes(message):
        webhooks.record(DeliveryResult.from_json(message))
        return
    if HostCheckResult.describes(message):
        hosts.record(HostCheckResult.from_json(message))
        return
    for key in keys_of(message):
        with logger.append_context_keys(job_id=keys.job_id_of(key)):
            recording.record_outcome(key)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Failures:
    return handle_each(event, record_named)
