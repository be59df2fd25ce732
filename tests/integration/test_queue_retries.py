"""Messages that fail, in queues as the template makes them, by moto's SQS on a clock of our own."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto.sqs import models as moto_sqs

from crawlset.errors import DatabaseAwayError
from crawlset.kit.batch import Delivery, handle_each
from tests.infra import stack

VISIBILITY_SECONDS = 1_800
MINUTE = 60
POLL_SECONDS = 1


@dataclass
class Mapping:
    """What Lambda does for a function that reads one message at a time, on a clock of the test."""

    url: str
    dead_url: str
    is_fifo: bool
    handle: Callable[[Delivery], None]
    seconds: float = 1_000_000_000
    handled: list[tuple[str, float]] = field(default_factory=list)
    """Bodies in the order in which they were handed over, and when."""

    def send(self, body: str, lane: str = "") -> None:
        ids = {"MessageGroupId": lane, "MessageDeduplicationId": body} if self.is_fifo else {}
        sqs: Any = boto3.client("sqs")
        sqs.send_message(QueueUrl=self.url, MessageBody=body, **ids)

    def run(self, seconds: int, step: int = 1) -> None:
        """Let so much time pass, so many seconds at once."""
        for _ in range(0, seconds, step):
            while self._poll():
                pass
            self.seconds += step

    def dead(self) -> list[str]:
        messages = boto3.client("sqs").receive_message(QueueUrl=self.dead_url).get("Messages", ())
        return [message["Body"] for message in messages]

    def times(self, body: str) -> list[float]:
        first = self.handled[0][1]
        return [at - first for each, at in self.handled if each == body]

    def _poll(self) -> bool:
        sqs = boto3.client("sqs")
        messages = sqs.receive_message(QueueUrl=self.url, AttributeNames=["All"]).get("Messages")
        if not messages:
            return False
        (message,) = messages
        self.handled.append((message["Body"], self.seconds))
        record = {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{self.url.rpartition('/')[2]}",
        }
        if not handle_each({"Records": [record]}, self.handle)["batchItemFailures"]:
            sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return True


def failing(body: str, times: int, error: Exception) -> Callable[[Delivery], None]:
    """A handler that fails so often with one message, and never with another."""

    def handle(delivery: Delivery) -> None:
        if delivery.body == body and delivery.n_receives <= times:
            raise error

    return handle


@pytest.fixture
def mapping(aws: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Mapping]:
    """Makes a queue with the attributes that it has in the template, and what reads it."""

    def make(name: str, handle: Callable[[Delivery], None]) -> Mapping:
        sqs: Any = boto3.client("sqs")
        stated = stack.work_queues()[name]
        is_fifo = bool(stated.get("FifoQueue"))
        suffix, kind = (".fifo", {"FifoQueue": "true"}) if is_fifo else ("", {})
        dead = sqs.create_queue(QueueName=f"dead{suffix}", Attributes=kind)["QueueUrl"]
        redrive = {
            "deadLetterTargetArn": f"arn:aws:sqs:us-east-1:123456789012:dead{suffix}",
            "maxReceiveCount": stated["RedrivePolicy"]["maxReceiveCount"],
        }
        url = sqs.create_queue(
            QueueName=f"work{suffix}",
            Attributes=kind
            | {
                "VisibilityTimeout": str(stated["VisibilityTimeout"]),
                "RedrivePolicy": json.dumps(redrive),
            },
        )["QueueUrl"]
        made = Mapping(url, dead, is_fifo, handle)
        monkeypatch.setattr(moto_sqs, "unix_time", lambda: made.seconds)
        monkeypatch.setattr(moto_sqs, "unix_time_millis", lambda: made.seconds * 1_000)
        return made

    return make


class TestMessageThatFails:
    def test_comes_again_in_seconds_and_in_order_in_its_lane(
        self, mapping: Callable[..., Mapping]
    ) -> None:
        lanes = mapping("HostLanesQueue", failing("first", 2, DatabaseAwayError()))
        lanes.send("first", "a")
        lanes.send("second", "a")
        lanes.send("other", "b")

        lanes.run(MINUTE)

        of_lane = [body for body, _ in lanes.handled if body != "other"]
        assert of_lane == ["first", "first", "first", "second"]
        _, again, third = lanes.times("first")
        assert again <= 4 + POLL_SECONDS
        assert third - again <= 16 + POLL_SECONDS
        assert lanes.times("other") == [0]  # which waits for nobody
        assert lanes.dead() == []

    @pytest.mark.parametrize(
        ("error", "minutes"),
        [(ValueError("a bug"), 3), (DatabaseAwayError(), 22)],
        ids=["bug", "outage"],
    )
    @pytest.mark.parametrize("queue", ["ChunksQueue", "HostLanesQueue"])
    def test_is_a_dead_letter_after_five_receives_and_some_minutes(
        self, mapping: Callable[..., Mapping], queue: str, error: Exception, minutes: int
    ) -> None:
        work = mapping(queue, failing("poison", 9, error))
        work.send("poison", "a")

        work.run(minutes * MINUTE, step=10)

        assert len(work.times("poison")) == 5
        assert work.dead() == ["poison"]
        assert minutes * MINUTE < VISIBILITY_SECONDS

    def test_leaves_those_behind_it_to_be_done_when_it_is_given_up(
        self, mapping: Callable[..., Mapping]
    ) -> None:
        lanes = mapping("HostLanesQueue", failing("poison", 9, ValueError("a bug")))
        lanes.send("poison", "a")
        lanes.send("next", "a")

        lanes.run(3 * MINUTE)

        assert [body for body, _ in lanes.handled] == [*["poison"] * 5, "next"]
