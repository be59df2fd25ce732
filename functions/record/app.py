"""Record what the messages on the results queue tell of: outcomes of chunks, and deliveries."""

import json
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.crawls import recording
from crawlset.crawls.messages import job_id_of, keys_of
from crawlset.kit.batch import Delivery, Failures, handle_each
from crawlset.observability import logger, metrics
from crawlset.webhooks import recording as webhooks
from crawlset.webhooks.messages import DeliveryResult


def record_named(delivery: Delivery) -> None:
    message = json.loads(delivery.body)
    if "delivery_id" in message:
        webhooks.record(DeliveryResult.model_validate(message))
        return
    for key in keys_of(message):
        with logger.append_context_keys(job_id=job_id_of(key)):
            recording.record_outcome(key)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Failures:
    return handle_each(event, record_named)
