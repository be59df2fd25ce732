"""Send what the messages on the deliveries queue hold to the addresses they name."""

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.fetching import posting
from crawlset.identity import Crawler
from crawlset.kit.batch import Delivery, Failures, handle_each
from crawlset.observability import logger, metrics
from crawlset.settings import result_settings
from crawlset.wire.deliveries import DeliveryResult, SignedDelivery

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


@cache
def sqs() -> "SQSClient":
    return boto3.client("sqs")


def deliver_signed(delivery: Delivery) -> None:
    signed = SignedDelivery.from_json(delivery.body)
    posted = posting.post(
        signed.url, signed.headers, signed.body, crawler=Crawler.from_environment()
    )
    result = DeliveryResult(
        delivery_id=signed.delivery_id,
        attempt=signed.attempt,
        status=posted.status,
        detail=posted.detail,
    )
    sqs().send_message(
        QueueUrl=result_settings().results_queue_url, MessageBody=json.dumps(result.to_json())
    )
    logger.info("delivered", delivery_id=str(signed.delivery_id), detail=posted.detail)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Failures:
    return handle_each(event, deliver_signed)
