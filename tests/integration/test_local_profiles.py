"""A key for the laptop's profile when the one that was shown is lost."""

from pathlib import Path

import alembic.command
import alembic.config
from sqlalchemy import create_engine, make_url, pool
from sqlalchemy.orm import Session

from crawlset.accounts import service
from crawlset_local import postgres
from crawlset_local.profiles import issue_key
from tests.ports import free_ports

ROOT = Path(__file__).parents[2]


class TestIssueKey:
    def test_key_opens_the_profile(self) -> None:
        with postgres.throwaway(free_ports().postgres) as dsn:
            url = make_url(dsn).set(drivername="postgresql+psycopg")
            config = alembic.config.Config(ROOT / "alembic.ini")
            config.attributes["url"] = url
            alembic.command.upgrade(config, "head")
            engine = create_engine(url, poolclass=pool.NullPool)
            with Session(engine) as session, session.begin():
                profile_id, first = service.create_profile(session, email="a@b", name="a")

            second = issue_key(dsn, profile_id)

            with Session(engine) as session, session.begin():
                caller = service.authenticate(session, f"Bearer {second}")
        assert second != first
        assert caller is not None
        assert caller.user_id == profile_id
