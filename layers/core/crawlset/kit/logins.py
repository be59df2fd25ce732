"""Two logins of its own in this database for each role: one is in use, the other was or will be."""

import psycopg
from psycopg import sql
from sqlalchemy import Connection, text

LONGEST_NAME = 63
OTHER = "_2"
SETTINGS = {
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "idle_session_timeout": "120s",
}
"""A frozen function keeps its connection, and a database pauses only without any."""


def logins_of(connection: Connection, role: str) -> tuple[str, str]:
    """The names of the logins of `role`, both with this database's name in theirs."""
    database = connection.scalar(text("SELECT current_database()"))
    login = f"{role}_{database}"[:LONGEST_NAME]
    return login, f"{login[: LONGEST_NAME - len(OTHER)]}{OTHER}"


def ensure_login(connection: Connection, role: str, login: str, password: str) -> None:
    """
    See that `login` exists, a member of `role`, with this password.

    The server, and so its log, is told only what proves the password.
    Its statements end after 30 s, a transaction it leaves open after 60 s, and a session that asks
    nothing after 120 s. Nobody connects to this database but its owner, the logins, and whoever is
    granted to: members of the roles in other databases of the server could read this one, too.
    """
    exists = connection.scalar(
        text("SELECT count(*) FROM pg_roles WHERE rolname = :name"), {"name": login}
    )
    name = sql.Identifier(login)
    statement = "ALTER ROLE {} LOGIN PASSWORD {}" if exists else "CREATE ROLE {} LOGIN PASSWORD {}"
    cursor = connection.connection.cursor()
    verifier = _verifier(connection, login, password)
    cursor.execute(sql.SQL(statement).format(name, sql.Literal(verifier)).as_string())
    cursor.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), name).as_string())
    database = sql.Identifier(str(connection.scalar(text("SELECT current_database()"))))
    granting, revoking = (
        "GRANT CONNECT ON DATABASE {} TO {}",
        "REVOKE CONNECT ON DATABASE {} FROM PUBLIC",
    )
    cursor.execute(sql.SQL(granting).format(database, name).as_string())
    cursor.execute(sql.SQL(revoking).format(database).as_string())
    for setting, value in SETTINGS.items():
        set_ = sql.SQL("ALTER ROLE {} SET {} = {}")
        cursor.execute(set_.format(name, sql.Identifier(setting), sql.Literal(value)).as_string())


def _verifier(connection: Connection, login: str, password: str) -> str:
    """What PostgreSQL keeps of a password: https://www.rfc-editor.org/rfc/rfc5803."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError(driver)
    made = driver.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256")
    return made.decode()
