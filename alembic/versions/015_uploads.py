"""every list that is uploaded has a row

Revision: 015
Revises: 014

Lists that searches or rules of the last month name get their row here, without a size, which is
not known; others when they are used. Code from before this makes uploads without rows, which are
removed after an hour unless something names them.
"""

import sqlalchemy as sa
from alembic import op

revision = "015"
down_revision = "014"
branch_labels = None
depends_on = None

TABLE = "uploads"
NAMED = """
    INSERT INTO uploads (id, user_id, n_bytes, project_id, kept_until)
    SELECT DISTINCT ON (id) id::uuid, user_id, 0, project_id, now() + interval '30 days'
    FROM (
        SELECT substring(request ->> 'manifest_key' FROM '[^/]+$') AS id, searches.user_id,
            crawl_jobs.project_id
        FROM job_searches AS searches JOIN crawl_jobs ON crawl_jobs.id = crawl_job_id
        WHERE searches.created_at > now() - interval '30 days'
        UNION ALL
        SELECT found[1], user_id, project_id
        FROM crawl_jobs, regexp_matches(validation_rules::text, :rule, 'g') AS found
        UNION ALL
        SELECT found[1], validations.user_id, project_id
        FROM validation_jobs AS validations JOIN crawl_jobs ON crawl_jobs.id = crawl_job_id,
            regexp_matches(validations.validation_rules::text, :rule, 'g') AS found
        UNION ALL
        SELECT found[1], user_id, project_id
        FROM job_templates, regexp_matches(configuration::text, :rule, 'g') AS found
    ) AS named
    WHERE id IS NOT NULL
    ON CONFLICT DO NOTHING
"""
RULE = '"upload_id": "([0-9a-f-]{36})"'
READ = ("job_searches", "crawl_jobs", "validation_jobs", "job_templates")
ROLES = ("crawlset_api", "crawlset_worker", "crawlset_tick")


def upgrade() -> None:
    # Each step may have been done: rows are inserted on their own, so that no table is locked long.
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
        if_not_exists=True,
    )
    for column in ("user_id", "project_id", "kept_until"):
        op.create_index(op.f(f"ix_uploads_{column}"), TABLE, [column], if_not_exists=True)
    with op.get_context().autocommit_block():
        # Of every tenant, which forced row-level security would hide from the owner as well.
        try:
            for table in READ:
                op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            op.execute(sa.text(NAMED).bindparams(rule=RULE))
        finally:
            for table in READ:
                op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
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
