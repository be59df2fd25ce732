"""The messages of one invocation, each on its own: what fails goes back to the queue alone."""

import math
import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, TypedDict

from crawlset.errors import UnavailableError
from crawlset.kit.lease import leased
from crawlset.observability import count_failure, logger, metrics

FIRST_WAIT_SECONDS = 4
LONGEST_WAIT_SECONDS = 900
JITTER = 0.25
"""Messages that failed together come again up to this share of their wait earlier."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message, delivered for the `n_receives`th time."""

    message_id: str
    body: str
    n_receives: int
    receipt_handle: str


class DeliverAgainError(Exception):
    """Raised for a message that is to be delivered again after `seconds`; nothing failed."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"To be delivered again after {seconds} s.")


class Failure(TypedDict):
    itemIdentifier: str


class Failures(TypedDict):
    """The answer that has the queue deliver these messages again."""

    batchItemFailures: list[Failure]


def handle_each(
    event: dict[str, Any], handle: Callable[[Delivery], None], *, keeps_order: bool = False
) -> Failures:
    """
    Call `handle` with each message; log what fails, and have it delivered again in seconds.

    With `keeps_order` a FIFO queue's messages behind one of their group that comes again are not
    handled, and come again behind it. A batch that fails whole is reported too, not raised: a
    function error would make the queue's mapping slow down. A message that came alone is leased, so
    that it is back soon if the function dies; of several, those done would be back before the end.
    """
    is_alone = len(event["Records"]) == 1
    failures: list[Failure] = []
    waits_of_groups: dict[str | None, int] = {}
    for record in event["Records"]:
        delivery = Delivery(
            record["messageId"],
            record["body"],
            int(record["attributes"]["ApproximateReceiveCount"]),
            record["receiptHandle"],
        )
        queue_arn = record["eventSourceARN"]
        group = record["attributes"].get("MessageGroupId") if keeps_order else None
        if group in waits_of_groups:
            wait: int | None = waits_of_groups[group]
        else:
            with leased(queue_arn, delivery.receipt_handle) if is_alone else nullcontext():
                wait = _handle(delivery, handle)
        if wait is not None:
            _put_off(delivery, queue_arn, wait)
            failures.append({"itemIdentifier": delivery.message_id})
            if group is not None:
                waits_of_groups[group] = wait
    return {"batchItemFailures": failures}


def longest_wait(n_receives: int, *, is_passing: bool) -> int:
    """
    Seconds after which a message that has failed so often comes again at the latest.

    Five receives outlast a passing fault of four minutes, and a bug is given up after one.
    """
    growth = 4 if is_passing else 2
    seconds: int = FIRST_WAIT_SECONDS * growth ** (n_receives - 1)
    return min(seconds, LONGEST_WAIT_SECONDS)


def _handle(delivery: Delivery, handle: Callable[[Delivery], None]) -> int | None:
    """Seconds after which the message is to come again; None when it is done."""
    try:
        handle(delivery)
    except DeliverAgainError as again:
        return again.seconds
    except Exception as error:  # noqa: BLE001, whatever it is, the queue is told
        is_passing = _is_passing(error)
        metrics.add_metric(name="RecordsFailed", unit="Count", value=1)
        if not is_passing:
            count_failure()
        logger.exception(
            "record_failed",
            message_id=delivery.message_id,
            receives=delivery.n_receives,
            is_passing=is_passing,
        )
        longest = longest_wait(delivery.n_receives, is_passing=is_passing)
        return math.ceil(random.uniform(1 - JITTER, 1) * longest)  # noqa: S311
    return None


def _is_passing(error: Exception) -> bool:
    # Rarely needed, and slow to import.
    from crawlset.kit import aws  # noqa: PLC0415

    return isinstance(error, UnavailableError) or aws.is_unavailable(error)


def _put_off(delivery: Delivery, queue_arn: str, seconds: int) -> None:
    from crawlset.kit import queues  # noqa: PLC0415

    queues.put_off(queue_arn, delivery.receipt_handle, seconds)
