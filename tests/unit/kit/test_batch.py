from typing import Any

import pytest

from crawlset.kit.batch import DeliverAgainError, Delivery, handle_each
from crawlset.observability import metrics


def event(*bodies: str, group: str | None = None) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": "2"}
    if group is not None:
        attributes["MessageGroupId"] = group
    return {
        "Records": [
            {
                "messageId": f"id of {body}",
                "receiptHandle": f"handle of {body}",
                "body": body,
                "attributes": attributes,
            }
            for body in bodies
        ]
    }


def failed(answer: Any) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@pytest.fixture(autouse=True)
def forget_metrics() -> Any:
    yield
    metrics.clear_metrics()


class TestHandleEach:
    def test_hands_over_every_message(self) -> None:
        seen: list[Delivery] = []

        answer = handle_each(event("a", "b"), seen.append)

        assert answer == {"batchItemFailures": []}
        assert seen == [
            Delivery("id of a", "a", 2, "handle of a"),
            Delivery("id of b", "b", 2, "handle of b"),
        ]

    def test_reports_what_failed_and_goes_on(self) -> None:
        seen: list[str] = []

        def handle(delivery: Delivery) -> None:
            seen.append(delivery.body)
            if delivery.body != "b":
                raise ValueError(delivery.body)

        answer = handle_each(event("a", "b", "c"), handle)

        assert seen == ["a", "b", "c"]
        assert failed(answer) == ["id of a", "id of c"]

    def test_counts_no_failure_of_what_is_to_come_again(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        def wait(_: Delivery) -> None:
            raise DeliverAgainError

        answer = handle_each(event("a"), wait)

        assert failed(answer) == ["id of a"]
        assert "record_failed" not in caplog.text
        assert metrics.metric_set == {}

    def test_keeps_the_order_of_a_group(self) -> None:
        """
        A group's messages behind the first failure are not handled, and are reported too.

        The rule of AWS for a FIFO queue: "your function should stop processing messages after the
        first failure and return all failed and unprocessed messages in batchItemFailures".
        https://docs.aws.amazon.com/prescriptive-guidance/latest/lambda-event-filtering-partial-batch-responses-for-sqs/best-practices-partial-batch-responses.html
        """
        seen: list[str] = []

        def handle(delivery: Delivery) -> None:
            seen.append(delivery.body)
            if delivery.body == "a2":
                raise ValueError(delivery.body)

        records = [
            *event("a1", "a2", "a3", group="a")["Records"],
            *event("b1", group="b")["Records"],
            *event("a4", group="a")["Records"],
        ]
        answer = handle_each({"Records": records}, handle, keeps_order=True)

        assert seen == ["a1", "a2", "b1"]
        assert failed(answer) == ["id of a2", "id of a3", "id of a4"]

    def test_handles_a_group_message_by_message_where_order_means_nothing(self) -> None:
        seen: list[str] = []

        def handle(delivery: Delivery) -> None:
            seen.append(delivery.body)
            raise DeliverAgainError

        handle_each(event("a", "b", group="g"), handle)

        assert seen == ["a", "b"]
