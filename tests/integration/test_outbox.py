import json
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset import outbox
from crawlset.kit import aws as clients
from crawlset.kit import db, objects
from crawlset.models import OutboxMessage, Profile, Target
from crawlset.outbox import Message
from functions.start import app as start
from tests import factories
from tests.invocations import CONTEXT


def n_waiting(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(OutboxMessage)) or 0


def post(profile: Profile, *messages: Message) -> None:
    with db.transaction(profile.id) as session:
        outbox.post(session, messages)


class TestPost:
    def test_sends_after_the_commit(self, session: Session, profile: Profile, queues: Any) -> None:
        with db.transaction(profile.id) as inner:
            outbox.post(inner, [Message(Target.plan, {"key": "k"})])
            assert queues.bodies("plan") == []

        assert [json.loads(body) for body in queues.bodies("plan")] == [{"key": "k"}]
        assert n_waiting(session) == 0

    def test_forgets_what_was_rolled_back(
        self, session: Session, profile: Profile, queues: Any
    ) -> None:
        with pytest.raises(ZeroDivisionError), db.transaction(profile.id) as inner:
            outbox.post(inner, [Message(Target.plan, {"n": 1})])
            raise ZeroDivisionError

        assert queues.bodies("plan") == []
        assert n_waiting(session) == 0

    def test_keeps_what_could_not_be_sent(
        self, session: Session, profile: Profile, aws: None
    ) -> None:
        post(profile, Message(Target.plan, {"n": 1}))

        assert n_waiting(session) == 1

    @pytest.mark.parametrize("role", ["crawlset_api", "crawlset_worker"])
    def test_sends_nobody_else_s(
        self, session: Session, profile: Profile, queues: Any, roles: list[str], role: str
    ) -> None:
        other = factories.create_profile(session)
        session.add_all(
            OutboxMessage(target=Target.plan, body={"n": n}, user_id=owner)
            for n, owner in enumerate((other.id, None))
        )
        session.commit()
        roles.append(role)

        post(profile, Message(Target.plan, {"n": "mine"}))

        assert [json.loads(body) for body in queues.bodies("plan")] == [{"n": "mine"}]
        assert n_waiting(session) == 2


@pytest.mark.role("crawlset_tick")
class TestRelay:
    def test_sends_everybody_s(
        self, session: Session, profile: Profile, queues: Any, roles: list[str]
    ) -> None:
        other = factories.create_profile(session)
        session.add_all(
            OutboxMessage(target=Target.plan, body={}, user_id=owner)
            for owner in (profile.id, other.id, None)
        )
        session.commit()

        assert outbox.relay() == 3
        assert n_waiting(session) == 0

    def test_sends_only_what_is_not_leased(self, session: Session, queues: Any) -> None:
        session.add(OutboxMessage(target=Target.plan, body={"n": 1}))
        session.add(
            OutboxMessage(
                target=Target.plan,
                body={"n": 2},
                leased_until=func.now() + outbox.LEASE,
            )
        )
        session.commit()

        outbox.relay()

        assert [json.loads(body) for body in queues.bodies("plan")] == [{"n": 1}]
        assert n_waiting(session) == 1

    def test_keeps_the_messages_that_sqs_refuses_in_a_200(
        self, session: Session, queues: Any
    ) -> None:
        session.add_all(OutboxMessage(target=Target.plan, body={"n": n}) for n in range(10))
        session.commit()

        def refuse_three(parsed: dict[str, Any], **_: Any) -> None:
            moved, parsed["Successful"] = parsed["Successful"][:3], parsed["Successful"][3:]
            parsed["Failed"] = [
                {"Id": entry["Id"], "Code": "InternalError", "SenderFault": False}
                for entry in moved
            ]

        clients.sqs().meta.events.register("after-call.sqs.SendMessageBatch", refuse_three)

        assert outbox.relay() == 7
        assert n_waiting(session) == 3

    def test_sends_fifo_messages_in_their_group(
        self, session: Session, profile: Profile, queues: Any
    ) -> None:
        post(profile, Message(Target.discover, {"n": 1}, group_id="sample", deduplication_id="a:1"))

        (message,) = queues.sqs.receive_message(
            QueueUrl=queues.urls["discover"], AttributeNames=["All"]
        )["Messages"]
        assert message["Attributes"]["MessageGroupId"] == "sample"

    def test_tells_standard_queues_whose_a_message_is(
        self, session: Session, profile: Profile, queues: Any
    ) -> None:
        """
        With a group in a standard queue, SQS gives messages of quiet tenants before those of noisy.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
        """
        post(profile, Message(Target.chunks, {"n": 1}))

        (message,) = queues.sqs.receive_message(
            QueueUrl=queues.urls["chunks"], AttributeNames=["All"]
        )["Messages"]
        assert message["Attributes"]["MessageGroupId"] == str(profile.id)

    def test_starts_an_execution_once(
        self, session: Session, profile: Profile, bucket: str, pipeline_arn: str
    ) -> None:
        """As S3 tells: at least once."""
        for _ in range(2):
            post(profile, Message(Target.pipeline, {"n": 1}, deduplication_id="val-1"))
            for key in objects.list_keys("executions/"):
                start.handler({"Records": [{"s3": {"object": {"key": key}}}]}, CONTEXT)

        client = clients.stepfunctions()
        [found] = client.list_executions(stateMachineArn=pipeline_arn)["executions"]
        told = client.describe_execution(executionArn=found["executionArn"])["input"]
        assert (found["name"], json.loads(told)) == ("val-1", {"n": 1})
        assert n_waiting(session) == 0

    def test_asks_again_for_an_execution_that_the_bucket_did_not_take(
        self, session: Session, profile: Profile, aws: None
    ) -> None:
        """There is no bucket."""
        post(profile, Message(Target.pipeline, {"n": 1}, deduplication_id="val-1"))

        assert n_waiting(session) == 1

    def test_sends_the_rest_when_one_target_fails(self, session: Session, queues: Any) -> None:
        session.add(OutboxMessage(target=Target.pipeline, body={"n": 1}))
        session.add(OutboxMessage(target=Target.plan, body={"n": 2}))
        session.commit()

        outbox.relay()

        assert [json.loads(body) for body in queues.bodies("plan")] == [{"n": 2}]
        assert [message.body for message in session.scalars(select(OutboxMessage))] == [{"n": 1}]
