"""From an event to somebody's server and back: tick, deliver, record."""

import base64
import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from standardwebhooks import Webhook as Verifier

from crawlset.models import Webhook, WebhookDelivery
from crawlset.tick import purging
from crawlset.webhooks import dispatching, signing
from crawlset.webhooks.recording import BACK_OFF, MAX_ATTEMPTS
from crawlset.wire.deliveries import DeliveryResult
from functions.deliver import app as deliver
from functions.record import app as record
from tests import factories
from tests.integration.web_server import serve
from tests.integration.webhook_receiver import Receiver, receiving
from tests.invocations import CONTEXT

SECRET = bytes(range(32))
worker = pytest.mark.role("crawlset_worker")
ticks = pytest.mark.role("crawlset_tick")


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Any:
    with receiving() as receiver:
        monkeypatch.setenv("ALLOWED_PRIVATE_HOSTS", receiver.host)
        yield receiver


def create_delivery(session: Session, url: str, **overrides: Any) -> WebhookDelivery:
    """Of the creation of a crawl job."""
    profile = factories.create_profile(session)
    factories.create_webhook(session, profile, url=url, secret=SECRET)
    session.flush()
    factories.create_crawl_job(session, factories.create_project(session, profile))
    delivery = session.scalars(select(WebhookDelivery)).one()
    for name, value in overrides.items():
        setattr(delivery, name, value)
    session.commit()
    return delivery


def message_of(body: str) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": "1"}
    return {
        "Records": [
            {
                "messageId": "1",
                "receiptHandle": "h",
                "body": body,
                "attributes": attributes,
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:deliveries",
            }
        ]
    }


def send(body: str) -> None:
    assert deliver.handler(message_of(body), CONTEXT) == {"batchItemFailures": []}


def answer(session: Session, delivery: WebhookDelivery, **result: Any) -> None:
    """What `deliver` says of the attempt under way, recorded."""
    told: dict[str, Any] = {
        "attempt": delivery.n_attempts,
        "status": 500,
        "detail": "HTTP 500",
    } | result
    body = json.dumps(DeliveryResult(delivery_id=delivery.id, **told).to_json())
    assert record.handler(message_of(body), CONTEXT) == {"batchItemFailures": []}
    session.expire_all()


@ticks
class TestDispatch:
    def test_signs_what_is_due_and_queues_it(self, session: Session, queues: Any) -> None:
        delivery = create_delivery(session, "https://hooks.example.org/")

        assert dispatching.dispatch_due() == 1

        (message,) = map(json.loads, queues.bodies("deliveries"))
        assert (message["url"], message["attempt"]) == ("https://hooks.example.org/", 1)
        assert message["headers"]["webhook-id"] == str(delivery.id)
        event = Verifier(signing.shown(SECRET)).verify(message["body"], message["headers"])
        assert event["type"] == "crawl_job.created"
        assert datetime.fromisoformat(event["timestamp"]).tzinfo is not None
        assert event["data"]["id"] == event["data"]["crawl_job_id"]

    def test_sends_no_secret(self, session: Session, queues: Any) -> None:
        create_delivery(session, "https://hooks.example.org/")

        dispatching.dispatch_due()

        (body,) = queues.bodies("deliveries")
        assert signing.shown(SECRET).removeprefix("whsec_") not in body

    def test_leaves_to_an_attempt_under_way_what_it_has(
        self, session: Session, queues: Any
    ) -> None:
        create_delivery(session, "https://hooks.example.org/")

        assert (dispatching.dispatch_due(), dispatching.dispatch_due()) == (1, 0)

    def test_tries_again_what_was_lost_on_its_way(self, session: Session, queues: Any) -> None:
        delivery = create_delivery(session, "https://hooks.example.org/")
        dispatching.dispatch_due()
        session.execute(update(WebhookDelivery).values(next_attempt_at=func.now()))
        session.commit()

        dispatching.dispatch_due()

        session.refresh(delivery)
        assert delivery.n_attempts == 2
        assert len(queues.bodies("deliveries")) == 2

    def test_gives_up_what_was_lost_the_last_time(self, session: Session, queues: Any) -> None:
        delivery = create_delivery(session, "https://hooks.example.org/", n_attempts=MAX_ATTEMPTS)

        assert dispatching.dispatch_due() == 0

        session.refresh(delivery)
        assert delivery.status == "failed"

    def test_goes_on_when_the_queue_is_not_there(
        self, session: Session, aws: None, caplog: pytest.LogCaptureFixture
    ) -> None:
        create_delivery(session, "https://hooks.example.org/")

        assert dispatching.dispatch_due() == 1

        assert "messages_not_sent" in caplog.text

    def test_forgets_after_a_month(self, session: Session) -> None:
        create_delivery(
            session, "https://x.example.org/", created_at=datetime.now(UTC) - timedelta(days=31)
        )

        assert purging.forget_old(WebhookDelivery.created_at, dispatching.KEPT) == 1


@ticks
class TestDeliver:
    def test_posts_what_was_signed_and_says_how_it_went(
        self, session: Session, queues: Any, receiver: Receiver
    ) -> None:
        delivery = create_delivery(session, receiver.url)
        dispatching.dispatch_due()
        (body,) = queues.bodies("deliveries")

        send(body)

        (received,) = receiver.received
        Verifier(signing.shown(SECRET)).verify(received.body, received.headers)
        assert received.path == "/events?from=crawlset"
        assert received.headers["content-type"] == "application/json"
        assert received.headers["user-agent"].startswith("Crawlset/")
        (result,) = map(DeliveryResult.from_json, queues.bodies("results"))
        assert result == DeliveryResult(
            delivery_id=delivery.id, attempt=1, status=204, detail="HTTP 204"
        )

    def test_follows_no_redirect(self, session: Session, queues: Any, receiver: Receiver) -> None:
        receiver.status, receiver.headers = 302, {"Location": "/elsewhere"}

        result = self.sent(session, queues, receiver.url)

        assert (result["status"], len(receiver.received)) == (302, 1)

    def test_reads_little_of_an_answer(
        self, session: Session, queues: Any, receiver: Receiver
    ) -> None:
        receiver.status, receiver.body = 200, b"x" * 10_000_000

        assert self.sent(session, queues, receiver.url)["status"] == 200

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("https://10.0.0.1/", "address is not public"),
            ("http://hooks.localhost:1/", "name of a private network"),
        ],
    )
    def test_opens_nothing_that_is_private(
        self, session: Session, queues: Any, url: str, reason: str
    ) -> None:
        result = self.sent(session, queues, url)

        assert (result["status"], result["detail"]) == (None, f"refused: {reason}")

    def test_says_that_nobody_answers(
        self, session: Session, queues: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with receiving() as gone:
            monkeypatch.setenv("ALLOWED_PRIVATE_HOSTS", gone.host)

        result = self.sent(session, queues, gone.url)

        assert result["status"] is None
        assert "connect" in result["detail"].lower()

    def test_trusts_the_authorities_that_the_environment_names(
        self, session: Session, queues: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
        with serve(tls) as web:
            monkeypatch.setenv("ALLOWED_PRIVATE_HOSTS", ",".join(web.hosts))
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

            result = self.sent(session, queues, web.add("/events", status=204))

        assert result["status"] == 204

    def sent(self, session: Session, queues: Any, url: str) -> dict[str, Any]:
        create_delivery(session, url)
        dispatching.dispatch_due()
        (body,) = queues.bodies("deliveries")
        send(body)
        (result,) = map(json.loads, queues.bodies("results"))
        told: dict[str, Any] = result
        return told


@worker
class TestRecord:
    def test_ends_what_was_taken(self, session: Session) -> None:
        delivery = create_delivery(session, "https://x.example.org/", n_attempts=1)

        answer(session, delivery, status=204, detail="HTTP 204")

        assert (delivery.status, delivery.last_status) == ("delivered", 204)

    @pytest.mark.parametrize("attempt", [1, 4, 7])
    def test_waits_longer_after_each_failure(self, session: Session, attempt: int) -> None:
        delivery = create_delivery(session, "https://x.example.org/", n_attempts=attempt)

        answer(session, delivery)

        now = session.execute(select(func.now())).scalar_one()
        assert delivery.status == "pending"
        assert delivery.next_attempt_at == now + BACK_OFF[attempt - 1]

    def test_gives_up_after_the_last(self, session: Session) -> None:
        delivery = create_delivery(session, "https://x.example.org/", n_attempts=MAX_ATTEMPTS)

        answer(session, delivery, status=None, detail="no connection")

        assert (delivery.status, delivery.last_detail) == ("failed", "no connection")

    def test_disables_a_webhook_whose_server_wants_no_more(self, session: Session) -> None:
        delivery = create_delivery(session, "https://x.example.org/", n_attempts=1)

        answer(session, delivery, status=410, detail="HTTP 410")

        webhook = session.get_one(Webhook, delivery.webhook_id)
        assert (delivery.status, webhook.is_enabled) == ("failed", False)

    @pytest.mark.parametrize("stale", [{"attempt": 1}, {"attempt": 3}])
    def test_hears_only_of_the_attempt_under_way(
        self, session: Session, stale: dict[str, int]
    ) -> None:
        delivery = create_delivery(session, "https://x.example.org/", n_attempts=2)

        answer(session, delivery, status=204, **stale)

        assert (delivery.status, delivery.last_status) == ("pending", None)

    def test_changes_nothing_the_second_time(self, session: Session) -> None:
        delivery = create_delivery(session, "https://x.example.org/", n_attempts=1)
        answer(session, delivery, status=204)

        answer(session, delivery, status=500)

        assert (delivery.status, delivery.last_status) == ("delivered", 204)

    def test_hears_of_what_was_deleted(self, session: Session) -> None:
        delivery = create_delivery(session, "https://x.example.org/", n_attempts=1)
        session.delete(delivery)
        session.commit()

        body = DeliveryResult(delivery_id=delivery.id, attempt=1, status=204, detail="")
        assert record.handler(message_of(json.dumps(body.to_json())), CONTEXT) == {
            "batchItemFailures": []
        }


def test_signatures_are_those_of_the_standard() -> None:
    """The example of its own documentation."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signing.headers(
        base64.b64decode(secret.removeprefix("whsec_")),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        '{"test": 2432232314}',
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
