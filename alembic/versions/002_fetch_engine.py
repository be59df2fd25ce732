"""what the fetch engine tells and needs: features, validators, deferral, re-crawls

Revision: 002
Revises: 001

`images` has millions of rows: columns come without a rewrite (nullable, or with a constant), and
what its rows must obey from now on is checked of the old ones by the next migration.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "002"
down_revision = "001"
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
    "decode_error",
    "decode_crash",
    "decompression_bomb",
    "worker_failed",
    "cancelled",
)
CHANGES = ("unchanged", "same_picture", "replaced", "gone")
RECODED = {
    "images": "outcome = 'decode_error' WHERE outcome = 'damaged'",
    "job_chunks": """
        outcomes = outcomes - 'damaged' || jsonb_build_object(
            'decode_error',
            coalesce((outcomes ->> 'decode_error')::int, 0) + (outcomes ->> 'damaged')::int
        )
        WHERE outcomes ? 'damaged'
    """,
}
"""How an older version says what a newer one wrote."""


def upgrade() -> None:
    op.add_column("job_chunks", sa.Column("not_before", sa.DateTime(timezone=True)))
    op.add_column(
        "job_chunks",
        sa.Column("is_recrawl", sa.Boolean(), server_default="false", nullable=False),
    )
    for name in ("n_retries", "n_deferrals"):
        op.add_column(
            "images", sa.Column(name, sa.SmallInteger(), server_default="0", nullable=False)
        )
    for column in (
        sa.Column("phashes", postgresql.ARRAY(sa.BigInteger())),
        sa.Column("scores", postgresql.JSONB()),
        sa.Column("transform", postgresql.JSONB()),
        sa.Column("etag", sa.Text()),
        sa.Column("last_modified", sa.Text()),
        sa.Column("change", sa.Enum(*CHANGES, name="change", native_enum=False, length=24)),
        sa.Column("checked_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("images", column)
    op.drop_constraint("ck_images_outcome", "images")
    allow("outcome", (*OLD_OUTCOMES, "damaged"))
    allow("change", CHANGES)


def downgrade() -> None:
    for table, recoded in RECODED.items():
        # Of every tenant, which forced row-level security would hide from the owner as well.
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"UPDATE {table} SET {recoded}")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.drop_constraint("ck_images_change", "images")
    op.drop_constraint("ck_images_outcome", "images")
    allow("outcome", OLD_OUTCOMES)
    for name in (
        "checked_at",
        "change",
        "last_modified",
        "etag",
        "transform",
        "scores",
        "phashes",
        "n_deferrals",
        "n_retries",
    ):
        op.drop_column("images", name)
    op.drop_column("job_chunks", "is_recrawl")
    op.drop_column("job_chunks", "not_before")


def allow(column: str, values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    op.execute(
        f"ALTER TABLE images ADD CONSTRAINT ck_images_{column} "
        f"CHECK ({column} IN ({listed})) NOT VALID"
    )
