"""deleted projects and crawl jobs stay for a while, hidden from the API

Revision: 014
Revises: 013

Code from before this deletes at once, as it did, and does not see what waits. Downgrading deletes
what waits: an older version could neither restore it nor remove it.
"""

import sqlalchemy as sa
from alembic import op

revision = "014"
down_revision = "013"
branch_labels = None
depends_on = None

TABLES = ("projects", "crawl_jobs")
COLUMNS = ("deleted_at", "purges_at")
NAMES = "ix_projects_user_id_name"


def upgrade() -> None:
    # Each step may have been done: an index whose build breaks off undoes nothing before it.
    for table in TABLES:
        for column in COLUMNS:
            op.add_column(
                table,
                sa.Column(column, sa.DateTime(timezone=True), nullable=True),
                if_not_exists=True,
            )
        op.execute(f"DROP POLICY IF EXISTS hide_deleted ON {table}")
        op.execute(
            f"CREATE POLICY hide_deleted ON {table} AS RESTRICTIVE TO crawlset_api "
            "USING (deleted_at IS NULL OR current_setting('app.deleted', true) = 'shown') "
            "WITH CHECK (true)"
        )
    with op.get_context().autocommit_block():
        for table in TABLES:
            name = f"ix_{table}_purges_at"
            op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
            op.create_index(
                name,
                table,
                ["purges_at"],
                postgresql_where=sa.text("purges_at IS NOT NULL"),
                postgresql_concurrently=True,
            )
        rebuild_names(sa.text("deleted_at IS NULL"))


def rebuild_names(where: sa.TextClause | None) -> None:
    """Names stay unique meanwhile, and code that runs meanwhile knows the index by its name."""
    new = f"{NAMES}_new"
    op.drop_index(new, "projects", if_exists=True, postgresql_concurrently=True)
    op.create_index(
        new,
        "projects",
        ["user_id", "name"],
        unique=True,
        postgresql_where=where,
        postgresql_concurrently=True,
    )
    op.drop_index(NAMES, "projects", if_exists=True, postgresql_concurrently=True)
    op.execute(f"ALTER INDEX {new} RENAME TO {NAMES}")


def downgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '10min'")
    for table in reversed(TABLES):
        # Of every tenant, which forced row-level security would hide from the owner as well.
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"DELETE FROM {table} WHERE deleted_at IS NOT NULL")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    with op.get_context().autocommit_block():
        rebuild_names(None)
    for table in TABLES:
        op.drop_index(f"ix_{table}_purges_at", table)
        op.execute(f"DROP POLICY hide_deleted ON {table}")
        for column in reversed(COLUMNS):
            op.drop_column(table, column)
