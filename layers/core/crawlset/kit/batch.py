"""The messages of one invocation, each on its own: what fails goes back to the queue alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict

from crawlset.observability import logger, metrics


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message, delivered for the `n_receives`th time."""

    message_id: str
    body: str
    n_receives: int
    receipt_handle: str


class DeliverAgainError(Exception):
    """Raised for a message that is to be delivered again although nothing failed."""


class Failure(TypedDict):
    itemIdentifier: str


class Failures(TypedDict):
    """The answer that has the queue deliver these messages again."""

    batchItemFailures: list[Failure]


def handle_each(
    event: dict[str, Any], handle: Callable[[Delivery], None], *, keeps_order: bool = False
) -> Failures:
    """
    Call `handle` with each message; log what fails, and report it for another delivery.

    With `keeps_order` a FIFO queue's messages behind one of their group that comes again are not
    handled, and come again behind it. A batch that fails whole is reported too, not raised: a
    function error would make the queue's mapping slow down.
    """
    failures: list[Failure] = []
    waiting_groups: set[str] = set()
    for record in event["Records"]:
        group = record["attributes"].get("MessageGroupId") if keeps_order else None
        if group in waiting_groups or not _is_done(record, handle):
            failures.append({"itemIdentifier": record["messageId"]})
            if group is not None:
                waiting_groups.add(group)
    return {"batchItemFailures": failures}


def _is_done(record: dict[str, Any], handle: Callable[[Delivery], None]) -> bool:
    delivery = Delivery(
        record["messageId"],
        record["body"],
        int(record["attributes"]["ApproximateReceiveCount"]),
        record["receiptHandle"],
    )
    try:
        handle(delivery)
    except DeliverAgainError:
        return False
    except Exception:  # noqa: BLE001, whatever it is, the queue is told
        metrics.add_metric(name="RecordsFailed", unit="Count", value=1)
        logger.exception(
            "record_failed", message_id=delivery.message_id, receives=delivery.n_receives
        )
        return False
    return True
