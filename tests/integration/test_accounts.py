"""Logins, keys and row-level security, as the functions meet them."""

import importlib.util
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import boto3
import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.accounts import failures, keys
from crawlset.kit import aws as clients
from crawlset.kit import db
from crawlset.models import CrawlJob, FailedAuthentication, Project
from crawlset.tick import purging
from functions.authorize import app as authorize
from tests import factories
from tests.invocations import CONTEXT
from tests.mocked_aws import mocked_aws

HANDLER = Path(__file__).parents[2] / "alembic/handler.py"


def load_migrate() -> Any:
    spec = importlib.util.spec_from_file_location("migrate_handler", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def deployed(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A database of its own, migrated by the function; gives each role's DSN."""
    name = f"deployed_{uuid4().hex[:8]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    owner = make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    with mocked_aws():
        client = boto3.client("secretsmanager")
        secrets = {
            role: client.create_secret(Name=role, SecretString="{}")["ARN"]
            for role in ("owner", "api", "worker", "tick")
        }
        client.put_secret_value(SecretId=secrets["owner"], SecretString=json.dumps({"dsn": owner}))
        monkeypatch.setenv("DATABASE_SECRET_ARN", secrets["owner"])
        for role in ("api", "worker", "tick"):
            monkeypatch.setenv(f"{role.upper()}_DATABASE_SECRET_ARN", secrets[role])
        _forget()
        load_migrate().handler({"action": "upgrade"}, CONTEXT)
        yield secrets
        _forget()


def _forget() -> None:
    clients.clear()
    settings.database_settings.cache_clear()
    if db.engine.cache_info().currsize:
        db.engine().dispose()
    db.engine.cache_clear()


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch, deployed: dict[str, str]) -> Any:
    """Connect from here on as the function that has this role's secret."""

    def become(role: str) -> None:
        monkeypatch.setenv("DATABASE_SECRET_ARN", deployed[role])
        _forget()

    return become


def create_account(become: Any, email: str = "a@example.org") -> tuple[UUID, Any]:
    become("owner")
    answer = load_migrate().handler(
        {"action": "create_profile", "email": email, "name": "A"}, CONTEXT
    )
    return UUID(answer["profile_id"]), answer["api_key"]


class TestMigrate:
    def test_may_run_again(self, become: Any) -> None:
        become("owner")

        newest = ScriptDirectory(str(HANDLER.parent)).get_current_head()
        for _ in range(2):
            assert load_migrate().handler({"action": "upgrade"}, CONTEXT) == {"revision": newest}

    def test_shows_the_first_key_once(self, become: Any) -> None:
        first_id, key = create_account(become)
        second_id, none = create_account(become)

        assert key.startswith("cs_")
        assert (second_id, none) == (first_id, None)

    def test_names_the_actions_there_are(self, become: Any) -> None:
        become("owner")

        with pytest.raises(ValueError, match="upgrade, rotate, or create_profile"):
            load_migrate().handler({"action": "drop"}, CONTEXT)


class TestAuthorize:
    @staticmethod
    def ask(header: str | None, source_ip: str = "192.0.2.1") -> dict[str, Any]:
        """As the gateway asks: docs.aws.amazon.com/apigateway/…/http-api-lambda-authorizer.html."""
        headers = {"authorization": header} if header is not None else {}
        http = {"method": "GET", "path": "/api/projects", "sourceIp": source_ip}
        return authorize.handler({"headers": headers, "requestContext": {"http": http}}, CONTEXT)

    def test_names_the_caller(self, become: Any) -> None:
        profile_id, key = create_account(become)
        become("api")

        answer = self.ask(f"Bearer {key}")

        assert answer["isAuthorized"] is True
        assert answer["context"]["user_id"] == str(profile_id)
        assert answer["context"]["scopes"] == "read write admin"

    def test_refuses_everything_else(self, become: Any) -> None:
        _, key = create_account(become)
        become("api")

        wrong_secret = key[:-1] + ("A" if key[-1] != "A" else "B")
        unknown_prefix = "cs_000000000000" + key[15:]
        for header in (None, "", "Bearer", f"Basic {key}", key, "Bearer cs_x", "Bearer '; --"):
            assert self.ask(header) == {"isAuthorized": False}
        for shown in (wrong_secret, unknown_prefix):
            assert self.ask(f"Bearer {shown}") == {"isAuthorized": False}

    def end(self, column: str) -> None:
        with db.transaction() as session:
            session.execute(text(f"UPDATE api_keys SET {column} = now() - interval '1 minute'"))

    def test_refuses_a_key_that_was_revoked(self, become: Any) -> None:
        _, key = create_account(become)
        self.end("revoked_at")
        self.end("expires_at")
        become("api")

        assert self.ask(f"Bearer {key}") == {"isAuthorized": False}

    def test_says_of_an_expired_key_when_that_was_and_names_nobody(self, become: Any) -> None:
        """It is the API function that refuses, and can say why: see `test_expired_keys`."""
        _, key = create_account(become)
        self.end("expires_at")
        become("api")

        answer = self.ask(f"Bearer {key}")

        assert answer["context"].keys() == {"expired_at"}
        assert datetime.fromisoformat(answer["context"]["expired_at"]) < datetime.now(UTC)

    def test_says_when_a_key_will_expire(self, become: Any) -> None:
        """The gateway keeps this for a minute, in which the key may expire."""
        _, key = create_account(become)
        expires_at = datetime(2099, 1, 1, tzinfo=UTC)
        with db.transaction() as session:
            session.execute(text("UPDATE api_keys SET expires_at = '2099-01-01Z'"))
        become("api")

        context = self.ask(f"Bearer {key}")["context"]

        assert datetime.fromisoformat(context["expires_at"]) == expires_at
        assert "user_id" in context

    def test_says_nothing_of_an_expired_key_to_who_only_guesses(self, become: Any) -> None:
        _, key = create_account(become)
        self.end("expires_at")
        become("api")

        wrong_secret = key[:-1] + ("A" if key[-1] != "A" else "B")
        assert self.ask(f"Bearer {wrong_secret}") == {"isAuthorized": False}


class TestFailures:
    """An address may show so many unknown keys a minute; those of others, and right ones, stay."""

    @staticmethod
    def guess(source_ip: str = "192.0.2.1") -> dict[str, Any]:
        return TestAuthorize.ask(f"Bearer {keys.generate()}", source_ip)

    @pytest.fixture
    def key(self, become: Any) -> str:
        _, key = create_account(become)
        become("api")
        return key

    @pytest.fixture
    def within_a_minute(self, key: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """No minute ends while a test counts: all of it is one transaction's `now()`."""
        connection = db.engine().connect()
        outer = connection.begin()
        connection.exec_driver_sql("BEGIN")  # the driver is in autocommit
        monkeypatch.setattr(
            db,
            "new_session",
            lambda: Session(connection, join_transaction_mode="create_savepoint"),
        )
        yield
        outer.rollback()
        connection.close()

    @pytest.mark.usefixtures("within_a_minute")
    def test_are_put_off_beyond_a_limit(self) -> None:
        answers = [self.guess() for _ in range(300)]

        limited = [answer for answer in answers if answer["isAuthorized"]]
        assert answers[:20] == [{"isAuthorized": False}] * 20
        assert len(limited) == 280
        assert all(answer["context"].keys() == {"limited_until"} for answer in limited)

    @pytest.mark.usefixtures("within_a_minute")
    def test_are_counted_by_address(self, key: str) -> None:
        for _ in range(21):
            self.guess("192.0.2.1")
            self.guess("2001:db8:1:2:3::4")

        assert self.guess("192.0.2.2") == {"isAuthorized": False}
        assert self.guess("2001:db8:1:3::1") == {"isAuthorized": False}
        assert "limited_until" in self.guess("2001:db8:1:2:ffff::1")["context"]
        assert "user_id" in TestAuthorize.ask(f"Bearer {key}", "192.0.2.1")["context"]

    @pytest.mark.usefixtures("within_a_minute")
    def test_write_no_more_than_the_limit(self) -> None:
        for _ in range(30):
            self.guess()

        with db.transaction() as session:
            assert session.execute(
                text("SELECT source, n_failures FROM failed_authentications")
            ).all() == [("192.0.2.1", 20)]

    def test_begin_anew_each_minute(self, key: str, become: Any) -> None:
        become("owner")
        with db.transaction() as session:
            session.execute(
                text(
                    "INSERT INTO failed_authentications "
                    "VALUES ('192.0.2.1', date_trunc('minute', now()) - interval '1 minute', 20)"
                )
            )
        become("api")

        assert self.guess() == {"isAuthorized": False}

    def test_are_forgotten(self, key: str, become: Any) -> None:
        self.guess()
        become("owner")
        with db.transaction() as session:
            session.execute(
                text("UPDATE failed_authentications SET window_start = now() - interval '2 hours'")
            )
        become("tick")

        assert purging.forget_old(FailedAuthentication.window_start, failures.KEPT) == 1


class TestRowLevelSecurity:
    @pytest.fixture
    def two_users(self, become: Any) -> tuple[UUID, UUID]:
        users = []
        for email in ("a@example.org", "b@example.org"):
            user_id, _ = create_account(become, email)
            with db.transaction(user_id) as session:
                project = Project(user_id=user_id, name=email, description=None)
                session.add(project)
                session.flush()
                factories.create_crawl_job(session, project)
            users.append(user_id)
        return users[0], users[1]

    @pytest.mark.parametrize("role", ["api", "worker"])
    def test_shows_nothing_to_nobody(
        self, become: Any, two_users: tuple[UUID, UUID], role: str
    ) -> None:
        become(role)

        with db.transaction() as session:
            assert session.query(Project).count() == 0

    @pytest.mark.parametrize("role", ["api", "worker"])
    def test_shows_a_user_only_their_own_without_any_filter(
        self, become: Any, two_users: tuple[UUID, UUID], role: str
    ) -> None:
        become(role)

        for user_id in two_users:
            with db.transaction(user_id) as session:
                assert {p.user_id for p in session.query(Project)} == {user_id}
                assert {j.user_id for j in session.query(CrawlJob)} == {user_id}

    def test_forgets_the_user_with_the_transaction(
        self, become: Any, two_users: tuple[UUID, UUID]
    ) -> None:
        become("api")
        with db.transaction(two_users[0]) as session:
            session.query(Project).count()

        with db.transaction() as session:
            assert session.query(Project).count() == 0

    def test_refuses_a_row_for_somebody_else(
        self, become: Any, two_users: tuple[UUID, UUID]
    ) -> None:
        become("api")

        with (
            pytest.raises(Exception, match="row-level security"),
            db.transaction(two_users[0]) as session,
        ):
            session.add(Project(user_id=two_users[1], name="x", description=None))

    def test_refuses_a_job_in_somebody_elses_project(
        self, become: Any, two_users: tuple[UUID, UUID]
    ) -> None:
        become("owner")
        with db.transaction(two_users[1]) as session:
            theirs = session.query(Project).filter_by(user_id=two_users[1]).one()
        become("api")

        with pytest.raises(Exception, match="foreign key"), db.transaction(two_users[0]) as session:
            mine = Project(id=theirs.id, user_id=two_users[0], name="x", description=None)
            factories.create_crawl_job(session, mine)

    def test_lets_the_api_make_no_accounts(self, become: Any, two_users: tuple[UUID, UUID]) -> None:
        become("api")

        with (
            pytest.raises(Exception, match="permission denied"),
            db.transaction(two_users[0]) as session,
        ):
            session.execute(text("DELETE FROM profiles"))

    def test_lets_a_worker_look_up_only_the_job_its_message_names(
        self, become: Any, two_users: tuple[UUID, UUID]
    ) -> None:
        become("owner")
        with db.transaction(two_users[0]) as session:
            job = session.query(CrawlJob).filter_by(user_id=two_users[0]).one()
        become("worker")

        with db.transaction() as session:
            db.look_up(session, "job_id", str(job.id))
            assert [j.id for j in session.query(CrawlJob)] == [job.id]

    def test_lets_the_housekeeper_see_everybody(
        self, become: Any, two_users: tuple[UUID, UUID]
    ) -> None:
        become("tick")

        with db.transaction() as session:
            assert session.query(CrawlJob).count() == 2
