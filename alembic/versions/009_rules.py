"""rules with a severity: what an image breaks, and what that means

Revision: 009
Revises: 008

Rules were one flat object before; what was saved of them becomes the preset `basic`, which is what
they were unless somebody said otherwise.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "009"
down_revision = "008"
branch_labels = None
depends_on = None

COUNTS = ("n_quarantined", "n_errors")
SAVED = {
    "validation_jobs": "validation_rules = '{new}' WHERE validation_rules <> '{new}'",
    "crawl_jobs": "validation_rules = '{new}' WHERE validation_rules IS NOT NULL",
    "job_templates": """
        configuration = jsonb_set(configuration, '{{validation_rules}}', '{new}')
        WHERE configuration ->> 'validation_rules' IS NOT NULL
    """,
}


def upgrade() -> None:
    op.add_column("images", sa.Column("pixel_hash", sa.BigInteger(), nullable=True))
    op.add_column(
        "image_verdicts",
        sa.Column("findings", postgresql.JSONB(), server_default="[]", nullable=False),
    )
    op.add_column("image_verdicts", sa.Column("cluster", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_image_verdicts_cluster",
        "image_verdicts",
        ["validation_job_id", "cluster"],
        postgresql_where=sa.text("cluster IS NOT NULL"),
    )
    op.add_column("validation_jobs", sa.Column("report", postgresql.JSONB(), nullable=True))
    for name in COUNTS:
        op.add_column(
            "validation_jobs", sa.Column(name, sa.Integer(), server_default="0", nullable=False)
        )
    op.drop_constraint(op.f("ck_image_verdicts_verdict"), "image_verdicts")
    op.create_check_constraint(
        op.f("ck_image_verdicts_verdict"),
        "image_verdicts",
        "verdict IN ('keep', 'quarantine', 'reject', 'error')",
    )
    for column in ("image_id", "user_id"):
        op.drop_constraint(op.f(f"fk_image_verdicts_{column}"), "image_verdicts")
    op.drop_index(op.f("ix_image_verdicts_image_id"), "image_verdicts")
    index_verdicts("verdict <> 'keep'")
    save('{"preset": "basic"}')


def downgrade() -> None:
    index_verdicts(None)
    op.create_index(op.f("ix_image_verdicts_image_id"), "image_verdicts", ["image_id"])
    for column, parent in (("image_id", "images"), ("user_id", "profiles")):
        op.create_foreign_key(
            op.f(f"fk_image_verdicts_{column}"),
            "image_verdicts",
            parent,
            [column],
            ["id"],
            ondelete="CASCADE",
        )
    save("{}")
    op.drop_constraint(op.f("ck_image_verdicts_verdict"), "image_verdicts")
    op.execute("ALTER TABLE image_verdicts NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "UPDATE image_verdicts SET verdict = 'reject' WHERE verdict IN ('quarantine', 'error')"
    )
    op.execute("ALTER TABLE image_verdicts FORCE ROW LEVEL SECURITY")
    op.create_check_constraint(
        op.f("ck_image_verdicts_verdict"), "image_verdicts", "verdict IN ('keep', 'reject')"
    )
    for name in ("report", *COUNTS):
        op.drop_column("validation_jobs", name)
    op.drop_index("ix_image_verdicts_cluster", "image_verdicts")
    op.drop_column("image_verdicts", "cluster")
    op.drop_column("image_verdicts", "findings")
    op.drop_column("images", "pixel_hash")


def save(rules: str) -> None:
    for table, change in SAVED.items():
        # Of every tenant, which forced row-level security would hide from the owner as well.
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.get_bind().exec_driver_sql(f"UPDATE {table} SET {change.format(new=rules)}")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def index_verdicts(where: str | None) -> None:
    op.drop_index("ix_image_verdicts_verdict", "image_verdicts")
    op.create_index(
        "ix_image_verdicts_verdict",
        "image_verdicts",
        ["validation_job_id", "verdict", "image_id"],
        postgresql_where=sa.text(where) if where else None,
    )
