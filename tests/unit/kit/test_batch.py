import threading
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from crawlset.errors import DatabaseAwayError, StorageAwayError
from crawlset.kit import aws, batch, lease
from crawlset.kit.batch import JITTER, DeliverAgainError, Delivery, handle_each, longest_wait
from crawlset.observability import metrics
from tests.mocked_aws import mocked_aws

QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:work"
MAX_RECEIVES = 5
"""Of every work queue, which `tests/infra/test_queues.py` holds."""


def client_error(status: int, code: str) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutObject")


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
                "eventSourceARN": QUEUE_ARN,
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


@pytest.fixture(autouse=True)
def put_off() -> Iterator[list[tuple[str, int]]]:
    """Receipts that SQS was asked to hide for another time than its queue's, and for how long."""
    asked: list[tuple[str, int]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        assert params["QueueUrl"] == "https://sqs.us-east-1.amazonaws.com/123456789012/work"
        asked.append((params["ReceiptHandle"], params["VisibilityTimeout"]))

    with mocked_aws():
        aws.clear()
        aws.sqs().meta.events.register("before-parameter-build.sqs.ChangeMessageVisibility", note)
        yield asked
    aws.clear()


class TestLease:
    """
    A message comes back a minute after its function died, however long its queue would hide it.

    ChangeMessageVisibility counts from the call, for the receipt of the last receive, and may be
    repeated up to 12 hours after the receive, in standard and in FIFO queues:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
    """

    def test_is_renewed_while_the_message_is_worked_at(
        self, put_off: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lease, "RENEWED_SECONDS", 0.001)

        asked = threading.Semaphore(0)
        aws.sqs().meta.events.register(
            "before-parameter-build.sqs.ChangeMessageVisibility", lambda **_: asked.release()
        )

        def work(_: Delivery) -> None:
            for _again in range(3):
                assert asked.acquire(timeout=20)

        handle_each(event("a"), work)

        n_renewed = len(put_off)
        assert set(put_off) == {("handle of a", lease.LEASE_SECONDS)}
        handle_each(event("b"), lambda _: None)
        assert [receipt for receipt, _ in put_off[n_renewed:]] in ([], ["handle of b"])

    def test_ends_before_a_failed_message_is_put_off(
        self, put_off: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lease, "RENEWED_SECONDS", 0.001)

        def wait(_: Delivery) -> None:
            raise DeliverAgainError(7)

        for _ in range(20):
            handle_each(event("a"), wait)
            assert put_off[-1] == ("handle of a", 7)

    def test_is_not_taken_of_many_at_once(self, put_off: list[tuple[str, int]]) -> None:
        handle_each(event("a", "b"), lambda _: None)

        assert put_off == []


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
            raise DeliverAgainError(30)

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
            raise DeliverAgainError(30)

        handle_each(event("a", "b", group="g"), handle)

        assert seen == ["a", "b"]


class TestFailedMessage:
    """
    A message that failed comes again after seconds, not after its queue's visibility timeout.

    Without more, what a partial batch response names stays hidden for the queue's timeout. The
    function may change that of the receipt it was handed before it answers, on standard and on
    FIFO queues, and a FIFO group waits for its hidden message; AWS's own messaging library for
    .NET does so, and makes the queue's URL of `eventSourceARN`.
    https://github.com/aws/aws-dotnet-messaging/pull/151
    The new time counts from the call, is 0 to 43,200 s, and may end 12 hours after the receive.
    https://docs.amazonaws.cn/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
    """

    @pytest.fixture(autouse=True)
    def _no_lease(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(batch, "leased", lambda *_: nullcontext())

    @pytest.mark.parametrize(
        "error",
        [
            DatabaseAwayError(),
            StorageAwayError(),
            client_error(503, "SlowDown"),
            client_error(500, "InternalError"),
            client_error(403, "RequestThrottled"),
            ConnectTimeoutError(endpoint_url="https://s3.example"),
        ],
    )
    @pytest.mark.parametrize(("n_receives", "longest"), [(1, 4), (2, 16), (3, 64), (4, 256)])
    def test_comes_again_ever_later_while_something_is_away(
        self, put_off: list[tuple[str, int]], error: Exception, n_receives: int, longest: int
    ) -> None:
        answer = handle_each(failing(n_receives), raising(error))

        assert failed(answer) == ["id of a"]
        [(receipt, seconds)] = put_off
        assert receipt == "handle of a"
        assert longest * (1 - JITTER) <= seconds <= longest

    @pytest.mark.parametrize("error", [KeyError("a bug"), client_error(403, "AccessDenied")])
    @pytest.mark.parametrize(("n_receives", "longest"), [(1, 4), (2, 8), (3, 16), (4, 32)])
    def test_comes_again_sooner_when_waiting_mends_nothing(
        self, put_off: list[tuple[str, int]], error: Exception, n_receives: int, longest: int
    ) -> None:
        handle_each(failing(n_receives), raising(error))

        [(_, seconds)] = put_off
        assert longest * (1 - JITTER) <= seconds <= longest

    def test_outlasts_a_failover_of_minutes_in_the_tries_it_has(self) -> None:
        """
        Of RDS within two minutes, typically:
        https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZSingleStandby.html
        """
        waits = [longest_wait(n, is_passing=True) for n in range(1, MAX_RECEIVES)]

        assert sum(waits) * (1 - JITTER) >= 240

    def test_wants_no_more_than_a_quarter_of_an_hour_however_often_it_came(
        self, put_off: list[tuple[str, int]]
    ) -> None:
        handle_each(failing(4_000), raising(DatabaseAwayError()))

        [(_, seconds)] = put_off
        assert seconds <= 900

    def test_comes_again_when_it_was_asked_to(self, put_off: list[tuple[str, int]]) -> None:
        handle_each(event("a"), raising(DeliverAgainError(123)))

        assert put_off == [("handle of a", 123)]

    def test_takes_along_what_waits_behind_it_in_its_group(
        self, put_off: list[tuple[str, int]]
    ) -> None:
        answer = handle_each(
            event("a", "b", group="g"), raising(DeliverAgainError(7)), keeps_order=True
        )

        assert failed(answer) == ["id of a", "id of b"]
        assert put_off == [("handle of a", 7), ("handle of b", 7)]

    def test_is_reported_when_its_time_cannot_be_changed(self) -> None:
        """The queue is not there: SQS refuses, and the message waits for the queue's timeout."""
        assert failed(handle_each(event("a"), raising(KeyError()))) == ["id of a"]


def failing(n_receives: int) -> dict[str, Any]:
    received = event("a")
    received["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(n_receives)
    return received


def raising(error: Exception) -> Any:
    def handle(_: Delivery) -> None:
        raise error

    return handle
