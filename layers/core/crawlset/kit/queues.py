"""Messages to SQS queues, ten in a request, and back to them."""

from collections.abc import Sequence
from itertools import batched
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from crawlset.kit import aws
from crawlset.observability import logger

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef as Entry

BATCH = 10
COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)


def send(queue_url: str, entries: "Sequence[Entry]") -> list[str]:
    """
    Send to one queue; give the ids of the entries that it accepted.

    SQS answers HTTP 200 for a batch of which it refused some. What it refuses or cannot be told
    is logged, and keeps no other batch back.
    """
    accepted: list[str] = []
    for batch in batched(entries, BATCH):
        try:
            answer = aws.sqs().send_message_batch(QueueUrl=queue_url, Entries=batch)
        except (BotoCoreError, ClientError):
            logger.exception("messages_not_sent", queue_url=queue_url, messages=len(batch))
            continue
        for failed in answer.get("Failed", ()):
            logger.warning("message_refused", message_id=failed["Id"], code=failed["Code"])
        accepted += [entry["Id"] for entry in answer.get("Successful", ())]
    return accepted


def are_empty(*queue_urls: str) -> bool:
    """
    Whether nothing waits in the queues or is being worked at, as far as SQS knows.

    Its counts are approximate, and right about a minute after the last message was sent:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
    """
    for url in queue_urls:
        answer = aws.sqs().get_queue_attributes(QueueUrl=url, AttributeNames=[*COUNTS])
        if any(int(answer["Attributes"][name]) for name in COUNTS):
            return False
    return True


def put_off(queue_arn: str, receipt_handle: str, seconds: int) -> None:
    """
    Let a message that was received be received again after this long.

    If SQS cannot be told, that is logged, and it is after the queue's own timeout.
    """
    *_, account, name = queue_arn.split(":")
    try:
        sqs = aws.sqs()
        sqs.change_message_visibility(
            QueueUrl=f"{sqs.meta.endpoint_url}/{account}/{name}",
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=seconds,
        )
    except (BotoCoreError, ClientError):
        logger.exception("message_not_put_off", queue_arn=queue_arn)
