"""Passwords of the roles' logins: changed while functions run, and never told to the server."""

import json
from typing import Any

import boto3
from sqlalchemy import text

from crawlset.kit import database_address, db
from tests.integration.migrating import load_migrate
from tests.invocations import CONTEXT


def secret(arn: str) -> dict[str, Any]:
    found = boto3.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    parsed: dict[str, Any] = json.loads(found)
    return parsed


class TestRotateLogins:
    def test_is_not_felt_by_a_function_that_runs(
        self, deployed: dict[str, str], become: Any
    ) -> None:
        become("api")
        with db.transaction() as session:
            session.execute(text("SELECT 1"))
        before = secret(deployed["api"])["password"]

        owner = database_address.url_of_secret(secret(deployed["owner"]))
        load_migrate().rotate_logins(owner)
        db.engine().dispose()  # as happens to what is old or was lost

        with db.transaction() as session:
            user = session.scalar(text("SELECT current_user"))
        assert str(user).startswith("crawlset_api_")
        assert secret(deployed["api"])["password"] != before

    def test_is_kept_by_an_upgrade(self, deployed: dict[str, str], become: Any) -> None:
        become("owner")
        load_migrate().handler({"action": "rotate_logins"}, CONTEXT)
        rotated = {role: secret(deployed[role]) for role in ("api", "worker", "tick")}

        load_migrate().handler({"action": "upgrade"}, CONTEXT)

        assert {role: secret(deployed[role]) for role in rotated} == rotated


class TestLogins:
    def test_are_proven_by_what_the_server_cannot_log_in_with(self, become: Any) -> None:
        """https://www.postgresql.org/docs/current/sql-createrole.html, of PASSWORD."""
        become("owner")

        with db.transaction() as session:
            kept = session.scalars(
                text("SELECT rolpassword FROM pg_authid WHERE rolname LIKE 'crawlset_%_deployed_%'")
            ).all()

        assert kept
        assert all(each.startswith("SCRAM-SHA-256$4096:") for each in kept)
