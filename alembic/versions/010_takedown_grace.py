"""takedowns hide at first, and can be revoked until their bytes are removed

Revision: 010
Revises: 009

A takedown from before has no grace: what it has hidden is being removed, what it has not hidden
yet is removed as soon as it is.
"""

import sqlalchemy as sa
from alembic import op

revision = "010"
down_revision = "009"
branch_labels = None
depends_on = None

ROLES = ("crawlset_api", "crawlset_worker", "crawlset_tick")
STATUSES = ("pending", "hidden", "removing", "completed", "revoking", "revoked")
IMAGE_STATUSES = ("pending", "stored", "duplicate", "rejected", "refused", "failed", "cancelled")
TOUCHED = ("takedowns", "takedown_images", "takedown_exports", "export_jobs", "pack_rewrites")
REMOVED_AT_ONCE = (
    """
    INSERT INTO pack_rewrites (id, user_id, crawl_job_id, takedown_id, pack_key, due_at)
    SELECT gen_random_uuid(), user_id, crawl_job_id, max(takedown_id::text)::uuid, pack_key, now()
    FROM takedown_images WHERE pack_key IS NOT NULL AND takedown_id IN (
        SELECT id FROM takedowns WHERE status NOT IN ('revoking', 'revoked')
    )
    GROUP BY user_id, crawl_job_id, pack_key
    """,
    """
    UPDATE export_jobs SET expires_at = least(coalesce(expires_at, now()), now())
    FROM takedown_exports, takedowns
    WHERE export_jobs.id = takedown_exports.export_job_id
        AND takedowns.id = takedown_exports.takedown_id AND takedowns.status = 'hidden'
    """,
    """
    UPDATE pack_rewrites SET takedown_id = NULL FROM takedowns
    WHERE takedowns.id = takedown_id AND takedowns.status IN ('revoking', 'revoked')
    """,
    "DELETE FROM takedowns WHERE status IN ('revoking', 'revoked')",
    "UPDATE takedowns SET applied_at = NULL WHERE status = 'hidden'",
)
"""What an older version does with what a newer one only hides: it applies it once more, at once."""


def upgrade() -> None:
    op.add_column(
        "takedowns", sa.Column("status", sa.String(24), server_default="pending", nullable=False)
    )
    for name in ("removes_at", "revoked_at"):
        op.add_column("takedowns", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    past_tenants(
        "takedowns",
        """
        UPDATE takedowns SET status = CASE
            WHEN completed_at IS NOT NULL THEN 'completed' ELSE 'removing' END
        WHERE applied_at IS NOT NULL
        """,
    )
    op.create_check_constraint(op.f("ck_takedowns_status"), "takedowns", one_of(STATUSES))
    op.drop_index("ix_takedowns_unapplied", "takedowns")
    op.create_index(
        "ix_takedowns_unfinished",
        "takedowns",
        ["updated_at"],
        postgresql_where=sa.text("status IN ('pending', 'removing', 'revoking')"),
    )
    op.create_index(
        "ix_takedowns_due",
        "takedowns",
        ["removes_at"],
        postgresql_where=sa.text("status = 'hidden'"),
    )
    create_takedown_images()


def create_takedown_images() -> None:
    table = "takedown_images"
    op.create_table(
        table,
        sa.Column("takedown_id", sa.Uuid(), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("crawl_job_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(24), nullable=False),
        sa.Column("outcome", sa.String(24), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("pack_key", sa.Text(), nullable=True),
        sa.Column("pack_offset", sa.BigInteger(), nullable=True),
        sa.Column("pack_length", sa.BigInteger(), nullable=True),
        sa.Column("duplicate_of", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(one_of(IMAGE_STATUSES), name=op.f("ck_takedown_images_status")),
        *(
            sa.ForeignKeyConstraint(
                [column, "user_id"],
                [f"{parent}.id", f"{parent}.user_id"],
                name=op.f(f"fk_{table}_{column}_user_id"),
                ondelete="CASCADE",
            )
            for column, parent in (("takedown_id", "takedowns"), ("crawl_job_id", "crawl_jobs"))
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["profiles.id"], name=op.f(f"fk_{table}_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("takedown_id", "image_id", name=op.f(f"pk_{table}")),
    )
    op.create_index(
        op.f("ix_takedown_images_crawl_job_id_image_id"), table, ["crawl_job_id", "image_id"]
    )
    op.create_index(
        "ix_takedown_images_pack_key",
        table,
        ["pack_key"],
        postgresql_where=sa.text("pack_key IS NOT NULL"),
    )
    for role in ROLES:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}")
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant ON {table} USING (user_id = app_user_id()) "
        "WITH CHECK (user_id = app_user_id())"
    )
    op.execute(
        f"CREATE POLICY housekeeping ON {table} TO crawlset_tick USING (true) WITH CHECK (true)"
    )


def one_of(values: tuple[str, ...]) -> str:
    return f"status IN ({', '.join(repr(value) for value in values)})"


def past_tenants(tables: str | tuple[str, ...], *statements: str) -> None:
    """Run them for every tenant, whom forced row-level security would hide from the owner."""
    tables = (tables,) if isinstance(tables, str) else tables
    for table in tables:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    for statement in statements:
        op.execute(statement)
    for table in tables:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    past_tenants(TOUCHED, *REMOVED_AT_ONCE)
    op.drop_table("takedown_images")
    op.drop_index("ix_takedowns_due", "takedowns")
    op.drop_index("ix_takedowns_unfinished", "takedowns")
    op.create_index(
        "ix_takedowns_unapplied",
        "takedowns",
        ["updated_at"],
        postgresql_where=sa.text("applied_at IS NULL"),
    )
    op.drop_constraint(op.f("ck_takedowns_status"), "takedowns")
    for name in ("revoked_at", "removes_at", "status"):
        op.drop_column("takedowns", name)
