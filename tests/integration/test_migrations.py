import alembic.command
import pytest
from sqlalchemy import Engine, text

from crawlset.models import Base
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
