from collections.abc import Iterator

import alembic.command
import pytest
from sqlalchemy import Engine, delete, text
from sqlalchemy.orm import Session

from crawlset.models import Base, Profile
from crawlset.outcomes import ImageStatus, Outcome
from tests import factories
from tests.integration.databases import alembic_config


def test_models_match_the_migrations(engine: Engine) -> None:
    alembic.command.check(alembic_config(engine.url))


def test_every_migration_can_be_undone(engine: Engine) -> None:
    config = alembic_config(engine.url)

    alembic.command.downgrade(config, "base")

    with engine.connect() as connection:
        left = connection.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).all()
    alembic.command.upgrade(config, "head")
    assert left == ["alembic_version"]


@pytest.fixture
def owner(engine: Engine) -> Iterator[Session]:
    """The owner's session, which commits; without the tenants it has made afterwards."""
    with Session(engine) as session:
        yield session
        session.rollback()
        session.execute(delete(Profile))
        session.commit()


def test_an_older_version_can_read_what_a_newer_one_wrote(engine: Engine, owner: Session) -> None:
    config = alembic_config(engine.url)
    project = factories.create_project(owner, factories.create_profile(owner))
    job = factories.create_crawl_job(owner, project)
    outcomes = {"damaged": 2, "decode_error": 1, "stored": 1}
    chunk = factories.create_chunk(owner, job, outcomes=outcomes)
    factories.create_image(owner, chunk, status=ImageStatus.rejected, outcome=Outcome.damaged)
    owner.commit()

    alembic.command.downgrade(config, "001")

    counted = owner.scalar(text("SELECT outcomes FROM job_chunks"))
    outcome = owner.scalar(text("SELECT outcome FROM images"))
    owner.commit()
    alembic.command.upgrade(config, "head")
    assert counted == {"decode_error": 3, "stored": 1}
    assert outcome == "decode_error"


@pytest.mark.parametrize(
    "table",
    sorted(
        table.name
        for table in Base.metadata.tables.values()
        if "user_id" in table.c or table.name == "profiles"
    ),
)
def test_every_tenant_table_forces_row_level_security(engine: Engine, table: str) -> None:
    with engine.connect() as connection:
        is_forced = connection.scalar(
            text("SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relname = :t"),
            {"t": table},
        )

    assert is_forced
