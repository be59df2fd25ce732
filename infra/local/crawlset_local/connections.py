"""What is asked of a PostgreSQL server directly: whether it answers, and for its database."""

from contextlib import suppress

import psycopg
from psycopg import sql

from crawlset_local.errors import PostgresError

CONNECT_SECONDS = 10


def require(dsn: str) -> None:
    """Raise `PostgresError` unless the user's own database at `dsn` answers."""
    try:
        psycopg.connect(dsn, connect_timeout=CONNECT_SECONDS).close()
    except psycopg.Error as error:
        raise PostgresError(f"DATABASE_URL does not answer: {str(error).strip()}") from None


def answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, connect_timeout=CONNECT_SECONDS).close()
    except psycopg.OperationalError:
        return False
    return True


def create_database(dsn: str, name: str) -> None:
    """Make the database on the server at `dsn` unless it is there."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if row is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def revision(dsn: str) -> str | None:
    """Where migrations have brought the database; None if nowhere or nothing answers."""
    with (
        suppress(psycopg.Error),
        psycopg.connect(dsn, connect_timeout=CONNECT_SECONDS) as connection,
    ):
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None
    return None
