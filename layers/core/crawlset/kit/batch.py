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


class Failure(TypedDict):
    itemIdentifier: str


class Failures(TypedDict):
    """The answer that has the queue deliver these messages again."""

    batchItemFailures: list[Failure]


def handle_each(event: dict[str, Any], handle: Callable[[Delivery], None]) -> Failures:
    """
    Call `handle` with each message; log what fails, and report it for another delivery.

    A batch that fails whole is reported too, not raised: a function error would make the queue's
    mapping slow down.
    """
    failures: list[Failure] = []
    for record in event["Records"]:
        delivery = Delivery(
            record["messageId"],
            record["body"],
            int(record["attributes"]["ApproximateReceiveCount"]),
        )
        try:
            handle(delivery)
        except Exception:  # noqa: BLE001, whatever it is, the queue is told
            metrics.add_metric(name="RecordsFailed", unit="Count", value=1)
            logger.exception(
                "record_failed", message_id=delivery.message_id, receives=delivery.n_receives
            )
            failures.append({"itemIdentifier": delivery.message_id})
    return {"batchItemFailures": failures}
