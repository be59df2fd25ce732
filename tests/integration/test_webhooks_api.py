import base64
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from crawlset.kit import db
from crawlset.models import JobStatus, Profile, WebhookDelivery
from crawlset.observability import logger
from crawlset.webhooks import encryption
from crawlset.webhooks.service import MAX_WEBHOOKS
from tests import factories
from tests.integration.api import Api

HOOK = {"url": "https://hooks.example.org/crawlset"}


def create(api: Api, **overrides: Any) -> Any:
    status, body = api.call("POST", "/api/webhooks", HOOK | overrides)
    assert status == 201
    return body


def create_deliveries(session: Session, profile: Profile, n: int = 1) -> None:
    """As many events as webhooks are told of."""
    project = factories.create_project(session, profile)
    for _ in range(n):
        factories.create_crawl_job(session, project, status=JobStatus.completed)


class TestWebhooks:
    def test_are_made_with_a_secret_that_is_shown_once(self, session: Session, api: Api) -> None:
        made = create(api)

        assert made["secret"].startswith("whsec_")
        assert (made["events"], made["is_enabled"]) == (["*"], True)
        shown = api.call("GET", f"/api/webhooks/{made['id']}")[1]
        assert shown == {name: value for name, value in made.items() if name != "secret"}

    def test_keep_their_secrets_encrypted(self, session: Session, api: Api) -> None:
        made = create(api)
        secret = base64.b64decode(made["secret"].removeprefix("whsec_"))

        (row,) = session.execute(text("SELECT secret, encrypted_secret FROM webhooks"))

        assert row.secret is None
        assert secret not in row.encrypted_secret
        assert encryption.key().decrypt(row.encrypted_secret, UUID(made["id"])) == secret

    def test_log_no_secret(self, api: Api, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG")
        caplog.set_level("DEBUG", logger=logger.name)

        made = create(api)

        logged = repr([vars(record) for record in caplog.records])
        assert made["secret"].removeprefix("whsec_") not in logged

    def test_keep_no_secret_for_a_repeated_request(self, api: Api) -> None:
        first, second = (
            api.ask("POST", "/api/webhooks", HOOK, Idempotency_Key="k").body for _ in range(2)
        )

        assert first["secret"] != second["secret"]

    def test_are_listed_newest_first(self, api: Api) -> None:
        ids = [create(api)["id"] for _ in range(3)]

        _, first = api.call("GET", "/api/webhooks", query={"limit": "2"})
        _, rest = api.call("GET", "/api/webhooks", query={"cursor": first["next_cursor"]})

        assert [item["id"] for item in first["items"] + rest["items"]] == ids[::-1]

    def test_are_changed_and_deleted(self, api: Api) -> None:
        path = f"/api/webhooks/{create(api)['id']}"

        _, changed = api.call(
            "PATCH", path, {"events": ["crawl_job.completed"], "is_enabled": False}
        )
        deleted, _ = api.call("DELETE", path)

        assert (changed["events"], changed["is_enabled"]) == (["crawl_job.completed"], False)
        assert changed["url"] == HOOK["url"]
        assert (deleted, api.call("GET", path)[0]) == (204, 404)

    @pytest.mark.parametrize(
        ("wrong", "pointer"),
        [
            ({"url": "http://hooks.example.org/"}, "/url"),
            ({"url": "https://169.254.169.254/latest"}, "/url"),
            ({"url": "https://localhost/"}, "/url"),
            ({"url": "https://me:secret@hooks.example.org/"}, "/url"),
            ({"url": "ftp://hooks.example.org/"}, "/url"),
            ({"url": "https://hooks.example.org:22/"}, "/url"),
            ({"events": []}, "/events"),
            ({"events": ["*", "*"]}, "/events"),
            ({"secret": "mine"}, "/secret"),
        ],
    )
    def test_say_what_is_wrong(self, api: Api, wrong: dict[str, Any], pointer: str) -> None:
        status, problem = api.call("POST", "/api/webhooks", HOOK | wrong)

        assert (status, problem["errors"][0]["pointer"]) == (422, pointer)

    def test_know_the_types_of_events(self, api: Api) -> None:
        status, problem = api.call("POST", "/api/webhooks", HOOK | {"events": ["job.done"]})

        assert status == 422
        assert "crawl_job.completed" in problem["detail"]

    def test_are_not_without_number(self, api: Api) -> None:
        for _ in range(MAX_WEBHOOKS):
            create(api)

        status, problem = api.call("POST", "/api/webhooks", HOOK)

        assert (status, problem["code"]) == (409, "TooManyWebhooksError")

    @pytest.mark.parametrize("role", ["crawlset_api", "crawlset_worker"])
    @pytest.mark.parametrize("column", ["secret", "encrypted_secret"])
    def test_show_their_secrets_to_the_tick_alone(
        self, session: Session, api: Api, profile: Profile, role: str, column: str
    ) -> None:
        create(api)

        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            db.transaction(profile.id) as theirs,
        ):
            theirs.execute(text(f"SET LOCAL ROLE {role}"))
            theirs.execute(text(f"SELECT {column} FROM webhooks"))


class TestDeliveries:
    def test_are_made_of_the_events_that_a_webhook_wants(
        self, session: Session, api: Api, profile: Profile
    ) -> None:
        everything = create(api)["id"]
        creations = create(api, events=["crawl_job.created", "chunk.failed"])["id"]
        others = create(api, events=["chunk.failed"])["id"]
        disabled = create(api)["id"]
        api.call("PATCH", f"/api/webhooks/{disabled}", {"is_enabled": False})

        create_deliveries(session, profile)

        told = {
            webhook_id: [
                item["event"]["type"]
                for item in api.call("GET", f"/api/webhooks/{webhook_id}/deliveries")[1]["items"]
            ]
            for webhook_id in (everything, creations, others, disabled)
        }
        created = ["crawl_job.created"]
        assert told == {everything: created, creations: created, others: [], disabled: []}

    def test_are_not_made_of_what_others_do(self, session: Session, api: Api) -> None:
        webhook_id = create(api)["id"]

        create_deliveries(session, factories.create_profile(session))

        assert api.call("GET", f"/api/webhooks/{webhook_id}/deliveries")[1]["items"] == []

    def test_are_listed_newest_first_by_status(
        self, session: Session, api: Api, profile: Profile
    ) -> None:
        path = f"/api/webhooks/{create(api)['id']}/deliveries"
        create_deliveries(session, profile, 3)
        oldest, middle, newest = session.scalars(
            select(WebhookDelivery).order_by(WebhookDelivery.event_id)
        )
        oldest.delivered_at, oldest.next_attempt_at = func.now(), None
        middle.next_attempt_at = None
        session.commit()

        _, page = api.call("GET", path, query={"limit": "2"})
        _, rest = api.call("GET", path, query={"cursor": page["next_cursor"]})

        assert [item["id"] for item in page["items"] + rest["items"]] == [
            str(row.id) for row in (newest, middle, oldest)
        ]
        assert [item["status"] for item in page["items"] + rest["items"]] == [
            *("pending", "failed", "delivered")
        ]
        for row, status in ((newest, "pending"), (middle, "failed"), (oldest, "delivered")):
            _, page = api.call("GET", path, query={"status": status})
            assert [item["id"] for item in page["items"]] == [str(row.id)]

    def test_are_given_up_when_the_webhook_is_disabled(
        self, session: Session, api: Api, profile: Profile
    ) -> None:
        webhook_id = create(api)["id"]
        create_deliveries(session, profile)

        api.call("PATCH", f"/api/webhooks/{webhook_id}", {"is_enabled": False})

        _, page = api.call("GET", f"/api/webhooks/{webhook_id}/deliveries")
        assert [item["status"] for item in page["items"]] == ["failed"]

    def test_are_sent_again_on_request(self, session: Session, api: Api, profile: Profile) -> None:
        webhook_id = create(api)["id"]
        create_deliveries(session, profile)
        delivery = session.scalars(select(WebhookDelivery)).one()
        delivery.n_attempts, delivery.delivered_at = 8, func.now()
        delivery.next_attempt_at = None
        session.commit()

        status, replayed = api.call(
            "POST", f"/api/webhooks/{webhook_id}/deliveries/{delivery.id}/replay"
        )

        assert (status, replayed["status"], replayed["n_attempts"]) == (200, "pending", 0)

    def test_are_not_sent_again_to_a_disabled_webhook(
        self, session: Session, api: Api, profile: Profile
    ) -> None:
        webhook_id = create(api)["id"]
        create_deliveries(session, profile)
        (delivery_id,) = session.scalars(select(WebhookDelivery.id))
        api.call("PATCH", f"/api/webhooks/{webhook_id}", {"is_enabled": False})

        path = f"/api/webhooks/{webhook_id}/deliveries/{delivery_id}/replay"
        status, problem = api.call("POST", path)

        assert (status, problem["code"]) == (409, "WebhookDisabledError")
        assert api.call("POST", path.replace(str(delivery_id), str(uuid4())))[0] == 404


def test_need_the_scope_of_admins(profile: Profile) -> None:
    """Whoever points a webhook somewhere sends there all that happens."""
    status, _ = Api(profile.id, "read write").call("POST", "/api/webhooks", HOOK)

    assert status == 403
