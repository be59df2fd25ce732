"""what sources were asked besides the keyword, when they may be, and what they said they have

Revision: 008
Revises: 007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "008"
down_revision = "007"
branch_labels = None
depends_on = None

ROLES = ("crawlset_api", "crawlset_worker", "crawlset_tick")


def upgrade() -> None:
    op.add_column("job_searches", sa.Column("queries", postgresql.JSONB(), nullable=True))
    op.add_column(
        "job_searches", sa.Column("not_before", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_table(
        "source_probes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("keyword", sa.Text(), nullable=False),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("n_sampled", sa.Integer(), server_default="0", nullable=False),
        sa.Column("licences", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["profiles.id"], name=op.f("fk_source_probes_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_probes")),
        sa.UniqueConstraint(
            "user_id", "source", "keyword", name=op.f("uq_source_probes_user_id_source_keyword")
        ),
    )
    op.create_index(op.f("ix_source_probes_asked_at"), "source_probes", ["asked_at"])
    for role in ROLES:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON source_probes TO {role}")
    op.execute("ALTER TABLE source_probes ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE source_probes FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON source_probes USING (user_id = app_user_id()) "
        "WITH CHECK (user_id = app_user_id())"
    )
    op.execute(
        "CREATE POLICY housekeeping ON source_probes TO crawlset_tick "
        "USING (true) WITH CHECK (true)"
    )


def downgrade() -> None:
    op.drop_table("source_probes")
    op.drop_column("job_searches", "not_before")
    op.drop_column("job_searches", "queries")
