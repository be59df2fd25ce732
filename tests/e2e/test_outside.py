"""What the service shares with others: people who sign in, their servers, an account's rules."""

import json
import time
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook as Verifier

from crawlset_local import emulator
from crawlset_local.cloud import LocalCloud
from tests.e2e.http_clients import Api, wait_for
from tests.e2e.issuer import Issuer
from tests.integration.webhook_receiver import Receiver


def sign_in(cloud: LocalCloud, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.post(f"{cloud.api_url}/api/session", headers=headers, timeout=30)


class TestSession:
    def test_opens_the_api_with_a_token_of_the_issuer(
        self, cloud: LocalCloud, issuer: Issuer
    ) -> None:
        answer = sign_in(
            cloud, issuer.token(email="ada@example.org", email_verified="true", name="Ada")
        )

        assert answer.status_code == 201, answer.text
        key = {"Authorization": f"Bearer {answer.json()['key']}"}
        profile = httpx.get(f"{cloud.api_url}/api/profile", headers=key, timeout=30).json()
        assert (profile["email"], profile["name"]) == ("ada@example.org", "Ada")
        assert profile["id"] == answer.json()["user_id"] != cloud.profile_id

    @pytest.mark.parametrize(
        ("claims", "status"),
        [
            ({"aud": "another service"}, 401),
            ({"exp": int(time.time()) - 600}, 401),
            ({"iss": "https://elsewhere.example.org"}, 401),
            ({"scope": None}, 403),
        ],
    )
    def test_does_not_with_another_token(
        self, cloud: LocalCloud, issuer: Issuer, claims: dict[str, Any], status: int
    ) -> None:
        assert sign_in(cloud, issuer.token(**claims)).status_code == status

    def test_does_not_with_an_api_key(self, cloud: LocalCloud) -> None:
        assert sign_in(cloud, cloud.api_key).status_code == 401


def test_a_server_is_told_of_a_crawl_by_signed_webhooks(
    cloud: LocalCloud, receiver: Receiver
) -> None:
    with Api.of(cloud) as api:
        events = ["crawl_job.created", "crawl_job.completed"]
        webhook = api.post("/api/webhooks", {"url": receiver.url, "events": events})
        job_id = api.create_job(keywords=["cat"], sources=["sample"], max_images=5)
        api.wait_for_job(job_id, 120)
        cloud.invoke("TickFunction", {})

        received = wait_for(
            lambda: list(receiver.received), lambda received: len(received) == len(events), 60
        )

        verifier = Verifier(webhook["secret"])
        told = [verifier.verify(one.body, one.headers) for one in received]
        assert sorted(event["type"] for event in told) == sorted(events)
        assert {event["data"]["crawl_job_id"] for event in told} == {job_id}
        path = f"/api/webhooks/{webhook['id']}/deliveries"
        wait_for(
            lambda: [item["status"] for item in api.items(path)],
            lambda statuses: statuses == ["delivered", "delivered"],
            60,
        )


def test_rules_of_the_account_hear_of_a_crawl(cloud: LocalCloud) -> None:
    events, sqs = (emulator.client(name, cloud.ports.emulator) for name in ("events", "sqs"))
    bus = cloud.stack.outputs["EventBusName"]
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    pattern = {"source": ["crawlset"], "detail-type": ["crawl_job.completed"]}
    events.put_rule(Name="heard", EventBusName=bus, EventPattern=json.dumps(pattern))
    targets = [{"Id": "1", "Arn": arn["QueueArn"]}]
    events.put_targets(Rule="heard", EventBusName=bus, Targets=targets)
    with Api.of(cloud) as api:
        job_id = api.create_job(keywords=["cat"], sources=["sample"], max_images=2)
        api.wait_for_job(job_id, 120)
    cloud.invoke("TickFunction", {})

    heard: dict[str, Any] = {}

    def listen() -> dict[str, Any]:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
            event = json.loads(message["Body"])["detail"]
            heard[event["subject"]] = event
        return heard

    wait_for(listen, lambda heard: job_id in heard, 60)
    assert heard[job_id]["specversion"] == "1.0"
    assert heard[job_id]["type"] == "crawlset.crawl_job.completed"
