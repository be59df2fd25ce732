"""A login of its own in this database for each role."""

from psycopg import sql
from sqlalchemy import Connection, text

LONGEST_NAME = 63
SETTINGS = {
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "idle_session_timeout": "120s",
}
"""A frozen function keeps its connection, and a database pauses only without any."""


def ensure_login(connection: Connection, role: str, password: str) -> str:
    """
    See that the login `<role>_<database>` exists, a member of `role`, with this password.

    Returns its name. Its statements end after 30 s, a transaction it leaves open after 60 s, and a
    session that asks nothing after 120 s.
    """
    database = connection.scalar(text("SELECT current_database()"))
    login = f"{role}_{database}"[:LONGEST_NAME]
    exists = connection.scalar(
        text("SELECT count(*) FROM pg_roles WHERE rolname = :name"), {"name": login}
    )
    name = sql.Identifier(login)
    statement = "ALTER ROLE {} LOGIN PASSWORD {}" if exists else "CREATE ROLE {} LOGIN PASSWORD {}"
    cursor = connection.connection.cursor()
    cursor.execute(sql.SQL(statement).format(name, sql.Literal(password)).as_string())
    cursor.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), name).as_string())
    for setting, value in SETTINGS.items():
        set_ = sql.SQL("ALTER ROLE {} SET {} = {}")
        cursor.execute(set_.format(name, sql.Identifier(setting), sql.Literal(value)).as_string())
    return login
