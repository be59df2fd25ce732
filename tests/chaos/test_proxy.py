"""What AWS's own client makes of the proxy's faults, before the emulator."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from crawlset_local import emulator, processes
from tests.chaos import proxy
from tests.chaos.proxy import Fault, Proxy
from tests.ports import free_port

BUCKET = "somewhere"
ONCE = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})


@pytest.fixture(scope="module")
def between(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("emulator")
    for name in ("run", "logs"):
        (home / name).mkdir()
    port = free_port()
    child = emulator.start(home, port)
    between = Proxy(free_port(), port, seed=1)
    between.start()
    with client(between, "s3") as s3:
        s3.create_bucket(Bucket=BUCKET)
    yield between
    between.stop()
    processes.stop(child)


@contextmanager
def client(between: Proxy, service: Any) -> Iterator[Any]:
    made = emulator.session().client(service, endpoint_url=between.url, config=ONCE)
    yield made
    made.close()


@contextmanager
def faulty(between: Proxy, fault: Fault) -> Iterator[None]:
    between.faults.append(fault)
    yield
    between.faults.remove(fault)


@contextmanager
def queue(between: Proxy, name: str, **attributes: str) -> Iterator[tuple[Any, str]]:
    with client(between, "sqs") as sqs:
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        yield sqs, url
        sqs.delete_queue(QueueUrl=url)


def bodies(sqs: Any, url: str) -> list[str]:
    """What is received until nothing is left."""
    found: list[str] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in messages]
    return sorted(found)


def send(sqs: Any, url: str, *texts: str, **more: str) -> tuple[int, int]:
    """How many were accepted and refused."""
    entries = [{"Id": str(n), "MessageBody": text} | more for n, text in enumerate(texts)]
    said = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    return len(said.get("Successful", ())), len(said.get("Failed", ()))


class TestS3:
    @pytest.mark.parametrize(
        ("fault", "status", "code"),
        [
            (proxy.slow_down(1.0), 503, "SlowDown"),
            (proxy.internal_error(1.0), 500, "InternalError"),
        ],
    )
    def test_answers_with_an_error(
        self, between: Proxy, fault: Fault, status: int, code: str
    ) -> None:
        with client(between, "s3") as s3, faulty(between, fault):
            with pytest.raises(ClientError) as raised:
                s3.put_object(Bucket=BUCKET, Key="a", Body=b"a")
            with pytest.raises(ClientError) as headed:
                s3.head_object(Bucket=BUCKET, Key="a")

        said = raised.value.response
        assert (said["ResponseMetadata"]["HTTPStatusCode"], said["Error"]["Code"]) == (status, code)
        assert headed.value.response["ResponseMetadata"]["HTTPStatusCode"] == status

    def test_writes_and_does_not_say_so(self, between: Proxy) -> None:
        with client(between, "s3") as s3:
            with faulty(between, proxy.lost_replies(1.0)), pytest.raises(ConnectionClosedError):
                s3.put_object(Bucket=BUCKET, Key="written", Body=b"all the same")
            body = s3.get_object(Bucket=BUCKET, Key="written")["Body"].read()

        assert body == b"all the same"

    def test_is_passed_on_without_a_fault(self, between: Proxy) -> None:
        content = bytes(range(256)) * 9_000
        with client(between, "s3") as s3, faulty(between, proxy.slow_s3(0.01)):
            s3.put_object(Bucket=BUCKET, Key="large", Body=content)
            part = s3.get_object(Bucket=BUCKET, Key="large", Range="bytes=500-1499")["Body"].read()

        assert part == content[500:1500]


class TestQueues:
    def test_refuse_entries_in_a_200(self, between: Proxy) -> None:
        with queue(between, "refusing") as (sqs, url):
            with faulty(between, proxy.refused_messages(1.0)):
                said = send(sqs, url, "a", "b")

            assert (said, bodies(sqs, url)) == ((0, 2), [])

    def test_lose_what_they_have_accepted(self, between: Proxy) -> None:
        with queue(between, "losing") as (sqs, url):
            with faulty(between, proxy.lost_messages(1.0)):
                said = send(sqs, url, "a", "b")

            assert (said, bodies(sqs, url)) == ((2, 0), [])

    def test_deliver_twice(self, between: Proxy) -> None:
        with queue(between, "doubling") as (sqs, url):
            with faulty(between, proxy.doubled_messages(1.0)):
                said = send(sqs, url, "a", "b")

            assert (said, bodies(sqs, url)) == ((2, 0), ["a", "a", "b", "b"])

    def test_deliver_late(self, between: Proxy) -> None:
        with queue(between, "late") as (sqs, url):
            with faulty(between, proxy.reordered_messages(1.0)):
                said = send(sqs, url, "a")
            counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

        assert said == (1, 0)
        assert counts["ApproximateNumberOfMessagesDelayed"] == "1"

    def test_deliver_twice_in_groups_too(self, between: Proxy) -> None:
        with queue(between, "twice.fifo", FifoQueue="true") as (sqs, url):
            with faulty(between, proxy.doubled_messages(1.0)):
                group = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
                said = send(sqs, url, "a", **group)
            counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

        assert said == (1, 0)
        assert counts["ApproximateNumberOfMessages"] == "2"
