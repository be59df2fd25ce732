"""what lists say of images is kept: other columns, further rows, and hashes of files

Revision: 027
Revises: 025

Code from before this plans rows of lists without any.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "027"
down_revision = "025"
branch_labels = None
depends_on = None


ROLES = ("crawlset_api", "crawlset_worker", "crawlset_tick")
TABLE = "further_rows"


def upgrade() -> None:
    op.add_column("images", sa.Column("columns", JSONB(), nullable=True))
    op.add_column("images", sa.Column("expected_hash", sa.Text(), nullable=True))
    op.create_table(
        TABLE,
        sa.Column("crawl_job_id", sa.Uuid(), nullable=False),
        sa.Column("url_hash", sa.LargeBinary(), nullable=False),
        sa.Column("rank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("keyword", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("columns", JSONB(), nullable=True),
        sa.ForeignKeyConstraint(
            ["crawl_job_id", "user_id"],
            ["crawl_jobs.id", "crawl_jobs.user_id"],
            name=op.f("fk_further_rows_crawl_job_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("crawl_job_id", "url_hash", "rank", name=op.f("pk_further_rows")),
    )
    for role in ROLES:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {TABLE} TO {role}")
    op.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant ON {TABLE} USING (user_id = app_user_id()) "
        "WITH CHECK (user_id = app_user_id())"
    )
    op.execute(
        f"CREATE POLICY housekeeping ON {TABLE} TO crawlset_tick USING (true) WITH CHECK (true)"
    )


def downgrade() -> None:
    op.drop_table(TABLE)
    op.drop_column("images", "expected_hash")
    op.drop_column("images", "columns")
