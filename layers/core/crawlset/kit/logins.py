"""A login of its own in this database for each role."""

import secrets
from dataclasses import dataclass

from psycopg import sql
from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Login:
    name: str
    password: str


def ensure_login(connection: Connection, role: str) -> Login:
    """
    Make or renew the login `<role>_<database>`, a member of `role`, with a new password.

    Statements of that login end after 30 s; a transaction left open ends after 60 s.
    """
    database = connection.scalar(text("SELECT current_database()"))
    login = Login(name=f"{role}_{database}"[:63], password=secrets.token_urlsafe(24))
    exists = connection.scalar(
        text("SELECT count(*) FROM pg_roles WHERE rolname = :name"),
        {"name": login.name},
    )
    cursor = connection.connection.cursor()
    name = sql.Identifier(login.name)
    cursor.execute(
        sql.SQL(
            "ALTER ROLE {} LOGIN PASSWORD {}"
            if exists
            else "CREATE ROLE {} LOGIN PASSWORD {}"
        )
        .format(name, sql.Literal(login.password))
        .as_string()
    )
    cursor.execute(
        sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), name).as_string()
    )
    for setting, value in (
        ("statement_timeout", "30s"),
        ("idle_in_transaction_session_timeout", "60s"),
    ):
        cursor.execute(
            sql.SQL("ALTER ROLE {} SET {} = {}")
            .format(name, sql.Identifier(setting), sql.Literal(value))
            .as_string()
        )
    return login
