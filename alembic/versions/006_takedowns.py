"""what a takedown removes, and where it was

Revision: 006
Revises: 005

What the rows of `images` must obey from now on is checked of the old ones by the next migration.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "006"
down_revision = "005"
branch_labels = None
depends_on = None

ROLES = ("crawlset_api", "crawlset_worker", "crawlset_tick")
TENANT_TABLES = ("takedown_exports", "pack_rewrites")
OLD_OUTCOMES = (
    "stored",
    "duplicate_bytes",
    "refused_robots",
    "refused_noai",
    "refused_tdm",
    "refused_licence",
    "refused_source",
    "blocked_address",
    "invalid_url",
    "dns_error",
    "connect_error",
    "tls_error",
    "timeout",
    "too_slow",
    "too_large",
    "too_many_redirects",
    "http_403",
    "http_404",
    "http_410",
    "http_429",
    "http_4xx",
    "http_5xx",
    "not_image",
    "unsupported_format",
    "truncated",
    "damaged",
    "decode_error",
    "decode_crash",
    "decompression_bomb",
    "worker_failed",
    "cancelled",
)
OLD_TARGETS = ("discover", "plan", "chunks", "host_lanes", "results", "pipeline")
RECODED = {
    "images": "outcome = 'refused_source' WHERE outcome = 'refused_takedown'",
    "job_chunks": """
        outcomes = outcomes - 'refused_takedown' || jsonb_build_object(
            'refused_source',
            coalesce((outcomes ->> 'refused_source')::int, 0)
                + (outcomes ->> 'refused_takedown')::int
        )
        WHERE outcomes ? 'refused_takedown'
    """,
}
"""How an older version says what a newer one wrote."""


def upgrade() -> None:
    extend_takedowns()
    create_tables()
    secure()
    op.drop_constraint(op.f("ck_images_outcome"), "images")
    allow("images", "outcome", (*OLD_OUTCOMES, "refused_takedown"))
    op.drop_constraint(op.f("ck_outbox_messages_target"), "outbox_messages")
    allow("outbox_messages", "target", (*OLD_TARGETS, "takedowns"))


def extend_takedowns() -> None:
    for column in (
        sa.Column("phashes", postgresql.ARRAY(sa.BigInteger())),
        sa.Column("max_distance", sa.SmallInteger()),
        sa.Column("applied_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("takedowns", column)
    op.alter_column("takedowns", "kind", type_=sa.String(24))
    op.create_check_constraint(
        op.f("ck_takedowns_kind"), "takedowns", "kind IN ('url', 'host', 'creator', 'look_alike')"
    )
    op.create_unique_constraint(op.f("uq_takedowns_id_user_id"), "takedowns", ["id", "user_id"])
    op.create_index(
        "ix_takedowns_unapplied",
        "takedowns",
        ["updated_at"],
        postgresql_where=sa.text("applied_at IS NULL"),
    )


def create_tables() -> None:
    op.create_table(
        "takedown_exports",
        sa.Column("takedown_id", sa.Uuid(), nullable=False),
        sa.Column("export_job_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("n_images", sa.Integer(), nullable=False),
        *parents("takedown_exports", takedown_id="takedowns", export_job_id="export_jobs"),
        sa.PrimaryKeyConstraint("takedown_id", "export_job_id", name=op.f("pk_takedown_exports")),
    )
    op.create_index(
        op.f("ix_takedown_exports_export_job_id"), "takedown_exports", ["export_job_id"]
    )
    op.create_table(
        "pack_rewrites",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("crawl_job_id", sa.Uuid(), nullable=False),
        sa.Column("takedown_id", sa.Uuid(), nullable=True),
        sa.Column("pack_key", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        *parents("pack_rewrites", crawl_job_id="crawl_jobs", takedown_id="takedowns"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pack_rewrites")),
    )
    for column in ("takedown_id", "crawl_job_id", "due_at"):
        op.create_index(op.f(f"ix_pack_rewrites_{column}"), "pack_rewrites", [column])


def parents(table: str, **columns: str) -> list[sa.ForeignKeyConstraint]:
    keys = [
        sa.ForeignKeyConstraint(
            [column, "user_id"],
            [f"{parent}.id", f"{parent}.user_id"],
            name=op.f(f"fk_{table}_{column}_user_id"),
            ondelete="CASCADE",
        )
        for column, parent in columns.items()
    ]
    owner = sa.ForeignKeyConstraint(
        ["user_id"], ["profiles.id"], name=op.f(f"fk_{table}_user_id"), ondelete="CASCADE"
    )
    return [*keys, owner]


def secure() -> None:
    for table in TENANT_TABLES:
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


def allow(table: str, column: str, values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    op.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{column} "
        f"CHECK ({column} IN ({listed})) NOT VALID"
    )


def downgrade() -> None:
    for table, recoded in RECODED.items():
        # Of every tenant, which forced row-level security would hide from the owner as well.
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"UPDATE {table} SET {recoded}")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.drop_constraint(op.f("ck_images_outcome"), "images")
    allow("images", "outcome", OLD_OUTCOMES)
    op.execute("DELETE FROM outbox_messages WHERE target = 'takedowns'")
    op.drop_constraint(op.f("ck_outbox_messages_target"), "outbox_messages")
    allow("outbox_messages", "target", OLD_TARGETS)
    for table in reversed(TENANT_TABLES):
        op.drop_table(table)
    op.drop_index("ix_takedowns_unapplied", "takedowns")
    op.drop_constraint(op.f("uq_takedowns_id_user_id"), "takedowns")
    op.drop_constraint(op.f("ck_takedowns_kind"), "takedowns")
    op.alter_column("takedowns", "kind", type_=sa.Text())
    for column in ("applied_at", "max_distance", "phashes"):
        op.drop_column("takedowns", column)
