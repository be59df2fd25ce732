"""Events on EventBridge: the tick publishes what is new."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.events import publishing
from crawlset.kit import aws as clients
from crawlset.models import CrawlJob, JobStatus, Project
from tests import factories


@pytest.fixture
def bus(aws: None) -> Any:
    """The bus; `bus()` takes what it passed on."""
    events, sqs = boto3.client("events"), boto3.client("sqs")
    name = settings.event_settings().event_bus_name
    events.create_event_bus(Name=name)
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name="all", EventBusName=name, EventPattern='{"source": ["crawlset"]}')
    events.put_targets(Rule="all", EventBusName=name, Targets=[{"Id": "1", "Arn": arn["QueueArn"]}])

    def heard() -> list[Any]:
        taken = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            taken += [json.loads(message["Body"]) for message in messages]
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return taken

    return heard


@pytest.fixture
def project(owner: Session, own_connections: None) -> Project:
    """A committed project: an event is published once its transaction has ended."""
    return factories.create_project(owner, factories.create_profile(owner))


def happen(owner: Session, project: Project, n: int = 1) -> list[CrawlJob]:
    return [
        factories.create_crawl_job(owner, project, status=JobStatus.completed) for _ in range(n)
    ]


class TestPublish:
    def test_tells_nothing_of_what_was_before_the_bus(
        self, owner: Session, project: Project, bus: Any
    ) -> None:
        happen(owner, project)

        assert publishing.publish_new() == 0
        assert bus() == []

    def test_tells_each_event_once_in_order_as_a_cloud_event(
        self, owner: Session, project: Project, bus: Any
    ) -> None:
        publishing.publish_new()
        jobs = happen(owner, project, 12)

        counts = [publishing.publish_new(), publishing.publish_new()]

        heard = bus()
        assert counts == [12, 0]
        assert {event["detail-type"] for event in heard} == {"crawl_job.created"}
        details = [event["detail"] for event in heard]
        assert [detail["subject"] for detail in details] == [str(job.id) for job in jobs]
        assert details[0] | {"id": "", "time": ""} == {
            "specversion": "1.0",
            "id": "",
            "source": f"/crawl-jobs/{jobs[0].id}",
            "type": "crawlset.crawl_job.created",
            "subject": str(jobs[0].id),
            "time": "",
            "datacontenttype": "application/json",
            "userid": str(project.user_id),
            "data": {"id": str(jobs[0].id), "status": "completed"},
        }

    def test_goes_on_with_what_the_bus_refused(
        self,
        owner: Session,
        project: Project,
        bus: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        publishing.publish_new()
        first, second = happen(owner, project, 2)
        client = boto3.client("events")

        class Half:
            """Takes the first entry and refuses the rest, as EventBridge may."""

            def put_events(self, Entries: list[Any]) -> Any:  # noqa: N803 - as boto3 has it
                taken = client.put_events(Entries=Entries[:1])["Entries"]
                refused = [{"ErrorCode": "ThrottlingException"}] * (len(Entries) - 1)
                return {"Entries": [*taken, *refused]}

        with monkeypatch.context() as patched:
            patched.setattr(clients, "eventbridge", Half)
            assert publishing.publish_new() == 1

        assert publishing.publish_new() == 1
        assert [event["detail"]["subject"] for event in bus()] == [str(first.id), str(second.id)]

    def test_waits_when_there_is_no_bus(
        self, owner: Session, project: Project, bus: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        publishing.publish_new()
        happen(owner, project)

        class Gone:
            def put_events(self, **_: Any) -> Any:
                raise ClientError({"Error": {"Code": "InternalException"}}, "PutEvents")

        with monkeypatch.context() as patched:
            patched.setattr(clients, "eventbridge", Gone)
            assert publishing.publish_new() == 0

        assert publishing.publish_new() == 1
