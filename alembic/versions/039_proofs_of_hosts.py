"""proofs of hosts

Revision: 039
Revises: 038

Code from before this knows only the hosts that the deployment owns.
"""

import sqlalchemy as sa
from alembic import op

revision = "039"
down_revision = "038"
branch_labels = None
depends_on = None

TABLE = "host_proofs"
ROLES = ("crawlset_api", "crawlset_worker", "crawlset_tick")


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("n_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("n_unheard", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True)),
        sa.Column("checked_at", sa.DateTime(timezone=True)),
        sa.Column("detail", sa.Text()),
        sa.Column("proven_until", sa.DateTime(timezone=True)),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_host_proofs_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_host_proofs")),
    )
    op.create_index(op.f("ix_host_proofs_user_id_host"), TABLE, ["user_id", "host"], unique=True)
    op.create_index(
        "ix_host_proofs_due",
        TABLE,
        ["next_check_at"],
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
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
    op.execute(
        f"""
        CREATE POLICY named_by_message ON {TABLE} FOR SELECT TO crawlset_worker
        USING (id = nullif(current_setting('app.host_proof_id', true), '')::uuid)
        """
    )


def downgrade() -> None:
    op.drop_table(TABLE)
