"""What `deliver` does for a message: asks a server, and tells `record` how it went."""

import json

from crawlset.fetching import exchange
from crawlset.identity import Crawler
from crawlset.kit import aws
from crawlset.observability import logger
from crawlset.settings import result_settings
from crawlset.wire.deliveries import DeliveryResult, SignedDelivery
from crawlset.wire.host_checks import HostCheck, HostCheckResult

CHECK_SECONDS = 8
"""For each URL that is asked for the token: two have to fit into the time of `deliver`."""


def deliver(signed: SignedDelivery) -> None:
    """Make one attempt of a webhook's delivery."""
    crawler = Crawler.from_environment()
    posted = exchange.post(signed.url, signed.headers, signed.body, crawler=crawler)
    result = DeliveryResult(
        delivery_id=signed.delivery_id,
        attempt=signed.attempt,
        status=posted.status,
        detail=posted.detail,
    )
    _tell(result)
    logger.info("delivered", delivery_id=str(signed.delivery_id), detail=posted.detail)


def check_host(check: HostCheck) -> None:
    """Ask for the token at each URL in turn, until a server answers."""
    crawler = Crawler.from_environment()
    detail = "no URL to ask"
    is_proven = False
    for url in check.urls:
        answer = exchange.get(url, crawler=crawler, seconds=CHECK_SECONDS)
        is_proven, detail = _judge(answer, check.token)
        detail = f"{url}: {detail}"
        if answer.status is not None:
            break
    _tell(
        HostCheckResult(
            host_proof_id=check.host_proof_id,
            attempt=check.attempt,
            is_proven=is_proven,
            detail=detail,
        )
    )
    logger.info("host_checked", host_proof_id=str(check.host_proof_id), detail=detail)


def _judge(answer: exchange.Exchanged, token: str) -> tuple[bool, str]:
    if answer.status != 200:  # noqa: PLR2004
        return False, answer.detail
    if answer.body.strip() != token.encode():
        return False, "the answer is not the token"
    return True, "the answer is the token"


def _tell(result: DeliveryResult | HostCheckResult) -> None:
    aws.patient_sqs().send_message(
        QueueUrl=result_settings().results_queue_url, MessageBody=json.dumps(result.to_json())
    )
