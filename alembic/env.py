"""Run migrations on the database a caller points to."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from crawlset.models import Base

MIGRATION_LOCK = 7_239_104_551


def run() -> None:
    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        # Fail fast rather than queue every query of the service behind our lock.
        connection.execute(text("SET lock_timeout = '4s'"))
        connection.execute(text("SET statement_timeout = '60s'"))
        # Two deployments must not migrate at once.
        connection.execute(text("SELECT pg_advisory_lock(:id)"), {"id": MIGRATION_LOCK})
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
