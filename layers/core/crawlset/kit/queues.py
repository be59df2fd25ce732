"""Messages to SQS queues, ten in a request."""

from collections.abc import Sequence
from itertools import batched
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from crawlset.kit import aws
from crawlset.observability import logger

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef as Entry

BATCH = 10


def send(queue_url: str, entries: "Sequence[Entry]") -> list[str]:
    """
    Send to one queue; give the ids of the entries that it accepted.

    SQS answers HTTP 200 for a batch of which it refused some. What it refuses or cannot be told
    is logged, and keeps no other batch back.
    """
    accepted: list[str] = []
    for batch in batched(entries, BATCH, strict=False):
        try:
            answer = aws.sqs().send_message_batch(QueueUrl=queue_url, Entries=batch)
        except (BotoCoreError, ClientError):
            logger.exception("messages_not_sent", queue_url=queue_url, messages=len(batch))
            continue
        for failed in answer.get("Failed", ()):
            logger.warning("message_refused", message_id=failed["Id"], code=failed["Code"])
        accepted += [entry["Id"] for entry in answer.get("Successful", ())]
    return accepted
