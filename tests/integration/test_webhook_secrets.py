"""Secrets of webhooks are encrypted, each for its own webhook."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from standardwebhooks import Webhook as Verifier

from crawlset import settings
from crawlset.kit import aws as clients
from crawlset.kit.ids import new_id
from crawlset.models import WebhookDelivery
from crawlset.webhooks import dispatching, encryption, signing
from crawlset.webhooks.encryption import FileKey, KmsKey, SecretKey, UnreadableSecretError
from functions.tick import app as tick
from tests import factories
from tests.integration.api import Api
from tests.invocations import CONTEXT

SECRET = bytes(range(32))
ticks = pytest.mark.role("crawlset_tick")


def create_kms_key() -> KmsKey:
    """In moto, which encrypts with AES-GCM and the context as KMS does."""
    return KmsKey(boto3.client("kms").create_key()["KeyMetadata"]["Arn"])


@pytest.fixture(params=["file", "kms"])
def key(request: pytest.FixtureRequest, aws: None, webhook_key_file: Path) -> SecretKey:
    return FileKey(webhook_key_file) if request.param == "file" else create_kms_key()


@pytest.fixture
def kms(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[KmsKey]:
    """A key in KMS that the settings name, as on AWS."""
    key = create_kms_key()
    monkeypatch.delenv("WEBHOOK_KEY_FILE")
    monkeypatch.setenv("WEBHOOK_KEY_ARN", key.arn)
    for cached in (settings.webhook_key_settings, encryption.key):
        cached.cache_clear()
    yield key
    for cached in (settings.webhook_key_settings, encryption.key):
        cached.cache_clear()


@pytest.fixture
def no_key(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A deployment without webhooks."""
    monkeypatch.delenv("WEBHOOK_KEY_FILE")
    monkeypatch.setenv("WEBHOOK_KEY_ARN", "")
    for cached in (settings.webhook_key_settings, encryption.key):
        cached.cache_clear()
    yield
    for cached in (settings.webhook_key_settings, encryption.key):
        cached.cache_clear()


@pytest.mark.usefixtures("no_key")
class TestDeploymentWithoutWebhooks:
    def test_refuses_them(self, api: Api) -> None:
        status, problem = api.call("POST", "/api/webhooks", {"url": "https://hooks.example.org/"})

        assert (status, "WithWebhooks" in problem["detail"]) == (422, True)

    def test_reads_no_secret(self) -> None:
        with pytest.raises(UnreadableSecretError):
            encryption.key().decrypt(b"encrypted once", new_id())


def refuse(code: str) -> None:
    """Let KMS answer a Decrypt with this error."""
    answer = SimpleNamespace(status_code=400), {"Error": {"Code": code, "Message": ""}}
    clients.kms().meta.events.register(
        "before-call.kms.Decrypt",
        lambda **_: answer,  # type: ignore[arg-type]
    )


def create_clear(session: Session) -> None:
    """A webhook from before secrets were encrypted, and a delivery to it that is due."""
    profile = factories.create_profile(session)
    factories.create_webhook(
        session,
        profile,
        url="https://hooks.example.org/",
        clear_secret=SECRET,
        encrypted_secret=None,
    )
    factories.create_crawl_job(session, factories.create_project(session, profile))


def secrets_of(session: Session) -> Any:
    return session.execute(text("SELECT id, secret, encrypted_secret, updated_at FROM webhooks"))


class TestKey:
    def test_gives_back_what_it_encrypted(self, key: SecretKey) -> None:
        webhook_id = new_id()

        encrypted = [key.encrypt(SECRET, webhook_id) for _ in range(2)]

        assert [key.decrypt(one, webhook_id) for one in encrypted] == [SECRET, SECRET]
        assert encrypted[0] != encrypted[1]
        assert not [one for one in encrypted if SECRET in one]

    def test_reads_no_secret_in_the_row_of_another_webhook(self, key: SecretKey) -> None:
        encrypted = key.encrypt(SECRET, new_id())

        with pytest.raises(UnreadableSecretError):
            key.decrypt(encrypted, new_id())

    @pytest.mark.parametrize("damage", [lambda sealed: sealed[:-1], lambda sealed: sealed[:5]])
    def test_reads_no_damaged_secret(self, key: SecretKey, damage: Any) -> None:
        webhook_id = new_id()

        with pytest.raises(UnreadableSecretError):
            key.decrypt(damage(key.encrypt(SECRET, webhook_id)), webhook_id)

    def test_in_a_file_reads_nothing_of_another(self, key: SecretKey, tmp_path: Path) -> None:
        other, webhook_id = tmp_path / "other.key", new_id()
        other.write_bytes(b"\1" * 32)

        with pytest.raises(UnreadableSecretError):
            FileKey(other).decrypt(key.encrypt(SECRET, webhook_id), webhook_id)

    def test_in_kms_reads_nothing_of_another(self, aws: None) -> None:
        """
        KMS refuses with IncorrectKeyException when the key that is named did not encrypt it.

        https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html#API_Decrypt_Errors;
        moto 5.2 decrypts it, so the answer is given here.
        """
        key, webhook_id = create_kms_key(), new_id()
        encrypted = key.encrypt(SECRET, webhook_id)

        refuse("IncorrectKeyException")

        with pytest.raises(UnreadableSecretError):
            key.decrypt(encrypted, webhook_id)


class TestApi:
    def test_asks_the_key_that_the_settings_name(
        self, session: Session, api: Api, kms: KmsKey
    ) -> None:
        _, made = api.call("POST", "/api/webhooks", {"url": "https://hooks.example.org/"})

        (row,) = secrets_of(session)
        assert signing.shown(kms.decrypt(row.encrypted_secret, row.id)) == made["secret"]


@ticks
class TestTick:
    def test_signs_with_what_kms_decrypts_and_asks_once(
        self, session: Session, queues: Any, kms: KmsKey
    ) -> None:
        profile = factories.create_profile(session)
        factories.create_webhook(session, profile, SECRET, url="https://hooks.example.org/")
        project = factories.create_project(session, profile)
        for _ in range(3):
            factories.create_crawl_job(session, project)
        asked = []
        clients.kms().meta.events.register(
            "before-call.kms.Decrypt", lambda **_: asked.append("decrypt")
        )

        assert dispatching.dispatch_due() == 3

        for message in map(json.loads, queues.bodies("deliveries")):
            Verifier(signing.shown(SECRET)).verify(message["body"], message["headers"])
        assert asked == ["decrypt"]

    @pytest.mark.usefixtures("bucket")
    def test_encrypts_what_an_older_version_stored_and_signs_with_it_as_before(
        self, session: Session, queues: Any
    ) -> None:
        create_clear(session)
        (before,) = secrets_of(session)

        done = tick.handler({}, CONTEXT)

        (after,) = secrets_of(session)
        assert done["webhook_secrets"] == 1
        assert (after.secret, after.updated_at) == (None, before.updated_at)
        assert encryption.key().decrypt(after.encrypted_secret, after.id) == SECRET
        (message,) = map(json.loads, queues.bodies("deliveries"))
        Verifier(signing.shown(SECRET)).verify(message["body"], message["headers"])
        assert tick.handler({}, CONTEXT)["webhook_secrets"] == 0

    def test_encrypts_in_rounds(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(dispatching, "ROUND", 2)
        monkeypatch.setattr(dispatching, "MAX_ENCRYPTED", 4)
        for _ in range(5):
            create_clear(session)

        assert [dispatching.encrypt_clear_secrets() for _ in range(3)] == [4, 1, 0]

    def test_signs_with_a_secret_that_is_not_encrypted_yet(
        self, session: Session, queues: Any
    ) -> None:
        create_clear(session)

        assert dispatching.dispatch_due() == 1

        (message,) = map(json.loads, queues.bodies("deliveries"))
        Verifier(signing.shown(SECRET)).verify(message["body"], message["headers"])

    def test_lets_a_secret_that_cannot_be_read_hold_up_no_other(
        self, session: Session, queues: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        for encrypted in ({"encrypted_secret": b"of a key that is gone"}, {}):
            profile = factories.create_profile(session)
            factories.create_webhook(session, profile, SECRET, **encrypted)
            factories.create_crawl_job(session, factories.create_project(session, profile))

        dispatching.dispatch_due()

        (message,) = map(json.loads, queues.bodies("deliveries"))
        Verifier(signing.shown(SECRET)).verify(message["body"], message["headers"])
        details = session.scalars(
            select(WebhookDelivery.last_detail).order_by(WebhookDelivery.event_id)
        )
        assert details.all() == ["its secret cannot be decrypted; make the webhook anew", None]
        assert "webhook_secret_unreadable" in caplog.text

    def test_tries_again_later_when_the_key_cannot_be_asked(
        self, session: Session, queues: Any, kms: KmsKey
    ) -> None:
        profile = factories.create_profile(session)
        factories.create_webhook(session, profile, SECRET)
        factories.create_crawl_job(session, factories.create_project(session, profile))
        refuse("DisabledException")

        with pytest.raises(ClientError, match="DisabledException"):
            dispatching.dispatch_due()

        delivery = session.scalars(select(WebhookDelivery)).one()
        assert (delivery.status, delivery.last_detail) == ("pending", None)
        assert queues.bodies("deliveries") == []
