"""Where the migrations are, for tests that run them."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import alembic.config
import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

ROOT = Path(__file__).parents[2]


def alembic_config(url: Any) -> alembic.config.Config:
    config = alembic.config.Config(ROOT / "alembic.ini")
    config.attributes["url"] = url
    return config


def create_owner(server: str) -> str:
    """
    Make somebody who may own databases and make roles, as the master user of RDS; gives the name.

    Row-level security holds for them, unlike for a superuser
    (https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraPostgreSQL.Security.html).
    """
    name = f"owner_{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(
                sql.Identifier(name), sql.Literal(name)
            )
        )
    return name


def create_database(server: str, owner: str) -> URL:
    """An empty database of `owner`, and where it is."""
    name = f"database_{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(
                sql.Identifier(name), sql.Identifier(owner)
            )
        )
    return make_url(server).set(
        drivername="postgresql+psycopg", database=name, username=owner, password=owner
    )
