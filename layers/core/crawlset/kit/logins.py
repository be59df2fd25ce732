"""A login of its own in this database for each role."""

import psycopg
from psycopg import sql
from sqlalchemy import Connection, text

LONGEST_NAME = 63
SETTINGS = {"statement_timeout": "30s", "idle_in_transaction_session_timeout": "60s"}


def ensure_login(connection: Connection, role: str, password: str) -> str:
    """
    See that the login `<role>_<database>` exists, a member of `role`, with this password.

    The server, and so its log, is told only what proves the password. Returns the login's name. Its
    statements end after 30 s, a transaction it leaves open after 60 s.
    """
    database = connection.scalar(text("SELECT current_database()"))
    login = f"{role}_{database}"[:LONGEST_NAME]
    exists = connection.scalar(
        text("SELECT count(*) FROM pg_roles WHERE rolname = :name"), {"name": login}
    )
    name = sql.Identifier(login)
    statement = "ALTER ROLE {} LOGIN PASSWORD {}" if exists else "CREATE ROLE {} LOGIN PASSWORD {}"
    cursor = connection.connection.cursor()
    verifier = _verifier(connection, login, password)
    cursor.execute(sql.SQL(statement).format(name, sql.Literal(verifier)).as_string())
    cursor.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), name).as_string())
    for setting, value in SETTINGS.items():
        set_ = sql.SQL("ALTER ROLE {} SET {} = {}")
        cursor.execute(set_.format(name, sql.Identifier(setting), sql.Literal(value)).as_string())
    return login


def _verifier(connection: Connection, login: str, password: str) -> str:
    """What PostgreSQL keeps of a password: https://www.rfc-editor.org/rfc/rfc5803."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError(driver)
    made = driver.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256")
    return made.decode()
