"""A queue outlives what reads it, and what it gives up on is settled by somebody."""

import pytest

from crawlset.settings import QUEUE_RETENTION
from tests.infra.stack import (
    dead_letter_queues,
    functions,
    listed,
    mappings_of,
    of_type,
    role_of,
    statements,
    target,
    work_queues,
)

FOURTEEN_DAYS = 1_209_600
EVERY_QUEUE = sorted(of_type("AWS::SQS::Queue"))
WORK_QUEUES = sorted(work_queues())
DEAD_LETTER_QUEUES = sorted(dead_letter_queues())


def test_knows_the_seven_queues() -> None:
    assert WORK_QUEUES == [
        "ChunksQueue",
        "DeliveriesQueue",
        "DiscoverQueue",
        "HostLanesQueue",
        "PlanQueue",
        "ResultsQueue",
        "TakedownsQueue",
    ]


@pytest.mark.parametrize("name", EVERY_QUEUE)
class TestEveryQueue:
    def test_hides_a_message_for_six_timeouts_of_its_function(self, name: str) -> None:
        queue = of_type("AWS::SQS::Queue")[name]

        timeouts = [functions()[target(m["FunctionName"])]["Timeout"] for m in mappings_of(name)]

        assert timeouts
        assert queue["VisibilityTimeout"] >= 6 * max(timeouts)

    def test_lets_its_function_say_when_a_message_comes_again(self, name: str) -> None:
        for mapping in mappings_of(name):
            changeable = {
                target(resource)
                for statement in statements(role_of(target(mapping["FunctionName"])))
                if "sqs:ChangeMessageVisibility" in listed(statement["Action"])
                for resource in listed(statement["Resource"])
            }
            assert name in changeable

    def test_is_encrypted(self, name: str) -> None:
        queue = of_type("AWS::SQS::Queue")[name]

        assert queue["SqsManagedSseEnabled"]["Fn::If"] == ["HasKey", {"Ref": "AWS::NoValue"}, True]
        assert target(queue["KmsMasterKeyId"]["Fn::If"][1]) == "KmsKeyArn"

    def test_is_read_with_bounded_concurrency_message_by_message(self, name: str) -> None:
        for mapping in mappings_of(name):
            concurrency = mapping["ScalingConfig"]["MaximumConcurrency"]
            assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
            assert isinstance(concurrency, dict) or concurrency >= 2

    def test_is_named_as_its_kind_demands(self, name: str) -> None:
        queue = of_type("AWS::SQS::Queue")[name]

        assert queue["QueueName"]["Fn::Sub"].endswith(".fifo") is queue.get("FifoQueue", False)


@pytest.mark.parametrize("name", WORK_QUEUES)
class TestWorkQueue:
    def test_gives_up_after_five_receives(self, name: str) -> None:
        redrive = work_queues()[name]["RedrivePolicy"]

        assert redrive["maxReceiveCount"] == 5
        assert target(redrive["deadLetterTargetArn"]) == f"{name}DeadLetters"

    def test_hands_over_one_message_at_a_time(self, name: str) -> None:
        assert {mapping["BatchSize"] for mapping in mappings_of(name)} == {1}

    def test_has_dead_letters_of_its_own_kind(self, name: str) -> None:
        queue, letters = work_queues()[name], dead_letter_queues()[f"{name}DeadLetters"]

        assert queue.get("FifoQueue") == letters.get("FifoQueue")

    def test_forgets_sooner_than_its_dead_letters(self, name: str) -> None:
        queue, letters = work_queues()[name], dead_letter_queues()[f"{name}DeadLetters"]

        assert letters["MessageRetentionPeriod"] == FOURTEEN_DAYS
        assert queue["MessageRetentionPeriod"] == QUEUE_RETENTION.total_seconds() < FOURTEEN_DAYS


class TestChains:
    def test_are_not_taken_for_loops(self) -> None:
        """
        Lambda ends a chain of about 16 calls through SQS or S3 unless the function allows it.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
        """
        queues = ["ChunksQueue", "DiscoverQueue", "PlanQueue", "ResultsQueue", "TakedownsQueue"]
        readers = {target(m["FunctionName"]) for queue in queues for m in mappings_of(queue)}

        assert {functions()[name].get("RecursiveLoop") for name in readers} == {"Allow"}


class TestBrake:
    """Whoever must stop all crawling at once changes one parameter, and loses nothing."""

    def test_stops_the_readers_of_what_is_to_be_crawled(self) -> None:
        """
        A function without concurrency would go on receiving in vain, up to the dead letters.

        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
        """
        braked = {
            target(mapping["EventSourceArn"])
            for mapping in of_type("AWS::Lambda::EventSourceMapping").values()
            if mapping.get("Enabled") == {"Fn::If": ["IsCrawling", True, False]}
        }

        assert braked == {"DiscoverQueue", "ChunksQueue", "HostLanesQueue"}

    def test_stops_nothing_else(self) -> None:
        enabled = [
            mapping.get("Enabled", True)
            for mapping in of_type("AWS::Lambda::EventSourceMapping").values()
        ]

        assert enabled.count(True) == len(enabled) - 3


@pytest.mark.parametrize("name", DEAD_LETTER_QUEUES)
class TestDeadLetters:
    def test_are_settled(self, name: str) -> None:
        readers = [target(mapping["FunctionName"]) for mapping in mappings_of(name)]

        assert readers == ["DeadLettersFunction"]

    def test_raise_an_alarm(self, name: str) -> None:
        watched = [
            target(dimension["Value"])
            for alarm in of_type("AWS::CloudWatch::Alarm").values()
            for dimension in alarm.get("Dimensions", ())
            if dimension["Name"] == "QueueName" and alarm["Threshold"] == 0
        ]

        assert watched.count(name) == 1


def test_every_queue_needs_tls() -> None:
    policies = of_type("AWS::SQS::QueuePolicy").values()

    guarded = [
        target(queue)
        for policy in policies
        for queue in policy["Queues"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    ]

    assert sorted(guarded) == sorted(of_type("AWS::SQS::Queue"))
