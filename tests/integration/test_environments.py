"""Databases of several deployments on one server, and logins that are changed while they work."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import psycopg
import pytest
from sqlalchemy import URL, make_url, text

from crawlset import settings
from crawlset.kit import aws as clients
from crawlset.kit import db
from tests.integration.migrations import create_database, create_owner
from tests.integration.test_accounts import load_migrate
from tests.invocations import CONTEXT

ROLES = ("api", "worker", "tick")


@dataclass(frozen=True)
class Environment:
    """One deployment: its database, and the secrets of the owner and the roles."""

    url: URL
    secrets: dict[str, str]
    patch: pytest.MonkeyPatch

    def migrate(self, action: str) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            for role in ROLES:
                patch.setenv(f"{role.upper()}_DATABASE_SECRET_ARN", self.secrets[role])
            patch.setenv("DATABASE_SECRET_ARN", self.secrets["owner"])
            settings.database_settings.cache_clear()
            answer = load_migrate().handler({"action": action}, CONTEXT)
        settings.database_settings.cache_clear()
        return answer

    def become(self, role: str) -> None:
        """Be a function with this role's secret that starts."""
        self.patch.setenv("DATABASE_SECRET_ARN", self.secrets[role])
        settings.database_settings.cache_clear()
        forget_engine()

    def address(self, role: str) -> URL:
        secret = boto3.client("secretsmanager").get_secret_value(SecretId=self.secrets[role])
        return make_url(json.loads(secret["SecretString"])["dsn"])


def forget_engine() -> None:
    if db.engine.cache_info().currsize:
        db.engine().dispose()
    db.engine.cache_clear()


def who_am_i() -> str:
    with db.transaction() as session:
        name: str = session.scalar(text("SELECT session_user"))
    return name


def connect(url: URL) -> psycopg.Connection[Any]:
    plain = url.set(drivername="postgresql")
    return psycopg.connect(plain.render_as_string(hide_password=False))


@pytest.fixture
def owner(postgres_url: str) -> str:
    """An owner who is no superuser, on a server where somebody else has made the roles."""
    name = create_owner(postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for role in ROLES:
            connection.execute(
                f"DO $$ BEGIN CREATE ROLE crawlset_{role} NOLOGIN; "
                "EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            )
    return name


@pytest.fixture
def deploy(
    postgres_url: str, owner: str, aws: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Environment]]:
    clients.clear()

    def make() -> Environment:
        url = create_database(postgres_url, owner)
        client = boto3.client("secretsmanager")
        dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        secrets = {
            role: client.create_secret(Name=f"{url.database}-{role}", SecretString="{}")["ARN"]
            for role in ROLES
        }
        secrets["owner"] = client.create_secret(
            Name=f"{url.database}-owner", SecretString=json.dumps({"dsn": dsn})
        )["ARN"]
        return Environment(url, secrets, monkeypatch)

    yield make
    settings.database_settings.cache_clear()
    forget_engine()


@pytest.fixture
def _may_grant(postgres_url: str, owner: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            f"GRANT crawlset_api, crawlset_worker, crawlset_tick TO {owner} WITH ADMIN OPTION"
        )


class TestEnvironmentsOfOneServer:
    def test_are_refused_to_an_owner_who_may_not_grant_the_roles(
        self, deploy: Callable[[], Environment]
    ) -> None:
        """Roles are the server's, and docs/operations.md says what to grant."""
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="crawlset_api"):
            deploy().migrate("upgrade")

    @pytest.mark.usefixtures("_may_grant")
    def test_keep_their_logins_to_themselves(self, deploy: Callable[[], Environment]) -> None:
        one, other = deploy(), deploy()
        for environment in (one, other):
            environment.migrate("upgrade")

        for role in ROLES:
            connect(one.address(role)).close()
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                connect(one.address(role).set(database=other.url.database))


@pytest.mark.usefixtures("_may_grant")
class TestPasswords:
    def test_are_told_to_the_server_as_what_proves_them(
        self, deploy: Callable[[], Environment], postgres_url: str
    ) -> None:
        """https://www.postgresql.org/docs/current/sql-createrole.html, of PASSWORD."""
        environment = deploy()
        environment.migrate("upgrade")
        logins = [environment.address(role).username for role in ROLES]

        with psycopg.connect(postgres_url) as connection:
            kept = connection.execute(
                "SELECT rolpassword FROM pg_authid WHERE rolname = ANY(%s)", [logins]
            ).fetchall()

        assert len(kept) == len(ROLES)
        assert all(password.startswith("SCRAM-SHA-256$4096:") for (password,) in kept)


@pytest.mark.usefixtures("_may_grant")
class TestRotation:
    def test_gives_each_role_another_login_and_leaves_the_one_before(
        self, deploy: Callable[[], Environment]
    ) -> None:
        environment = deploy()
        environment.migrate("upgrade")
        before = {role: environment.address(role) for role in ROLES}

        environment.migrate("rotate")

        for role in ROLES:
            now = environment.address(role)
            assert now.username != before[role].username
            assert now.password != before[role].password
            for address in (before[role], now):
                connect(address).close()

    def test_changes_every_password_the_second_time(
        self, deploy: Callable[[], Environment]
    ) -> None:
        environment = deploy()
        environment.migrate("upgrade")
        before = environment.address("api")

        environment.migrate("rotate")
        environment.migrate("rotate")

        assert environment.address("api").username == before.username
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            connect(before)

    def test_is_kept_by_later_upgrades(self, deploy: Callable[[], Environment]) -> None:
        environment = deploy()
        environment.migrate("upgrade")
        environment.migrate("rotate")
        rotated = environment.address("worker")

        environment.migrate("upgrade")

        assert environment.address("worker") == rotated

    def test_lets_a_function_go_on_that_started_before(
        self, deploy: Callable[[], Environment]
    ) -> None:
        environment = deploy()
        environment.migrate("upgrade")
        environment.become("api")
        first = who_am_i()

        environment.migrate("rotate")
        environment.migrate("rotate")
        environment.migrate("rotate")

        assert who_am_i() == first  # over the connection that it has
        db.engine().dispose()
        assert who_am_i() == environment.address("api").username != first
