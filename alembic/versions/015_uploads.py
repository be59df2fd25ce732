"""every list that is uploaded has a row

Revision: 015
Revises: 014

Objects that are there already get their row when they are used; the tick removes the others once
they are a week old. Code from before this makes uploads without rows.
"""

import sqlalchemy as sa
from alembic import op

revision = "015"
down_revision = "014"
branch_labels = None
depends_on = None

TABLE = "uploads"
ROLES = ("crawlset_api", "crawlset_worker", "crawlset_tick")


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False),
        sa.Column("signed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kept_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_uploads_project_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["profiles.id"], name=op.f("fk_uploads_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    for column in ("user_id", "project_id", "kept_until"):
        op.create_index(op.f(f"ix_uploads_{column}"), TABLE, [column])
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
