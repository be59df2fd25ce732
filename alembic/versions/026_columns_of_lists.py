"""what lists say of images is kept: other columns, further rows, and hashes of files

Revision: 026
Revises: 025

Code from before this plans rows of lists without any.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "026"
down_revision = "025"
branch_labels = None
depends_on = None


OLD_OUTCOMES = (
    "stored",
    "duplicate_bytes",
    "refused_robots",
    "refused_noai",
    "refused_tdm",
    "refused_licence",
    "refused_source",
    "refused_takedown",
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
RECODED = {
    "images": "outcome = 'not_image' WHERE outcome = 'hash_mismatch'",
    "takedown_images": "outcome = 'not_image' WHERE outcome = 'hash_mismatch'",
    "job_chunks": """
        outcomes = outcomes - 'hash_mismatch' || jsonb_build_object(
            'not_image',
            coalesce((outcomes ->> 'not_image')::int, 0) + (outcomes ->> 'hash_mismatch')::int
        )
        WHERE outcomes ? 'hash_mismatch'
    """,
}
"""How an older version says what a newer one wrote."""
ROLES = ("crawlset_api", "crawlset_worker", "crawlset_tick")
TABLE = "further_rows"


def upgrade() -> None:
    op.add_column("images", sa.Column("columns", JSONB(), nullable=True))
    op.add_column("images", sa.Column("expected_hash", sa.Text(), nullable=True))
    op.drop_constraint(op.f("ck_images_outcome"), "images")
    allow((*OLD_OUTCOMES, "hash_mismatch"))
    create_further_rows()


def allow(outcomes: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{outcome}'" for outcome in outcomes)
    op.execute(
        f"ALTER TABLE images ADD CONSTRAINT ck_images_outcome "
        f"CHECK (outcome IN ({listed})) NOT VALID"
    )


def create_further_rows() -> None:
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
    for table, recoded in RECODED.items():
        # Of every tenant, which forced row-level security would hide from the owner as well.
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"UPDATE {table} SET {recoded}")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.drop_constraint(op.f("ck_images_outcome"), "images")
    allow(OLD_OUTCOMES)
    op.drop_column("images", "expected_hash")
    op.drop_column("images", "columns")
