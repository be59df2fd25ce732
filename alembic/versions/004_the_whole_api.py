"""what the whole API keeps: quotas, identities, counted requests, and events

Revision: 004
Revises: 003

Events come from triggers: whoever moves a job, no transition goes without one.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "004"
down_revision = "003"
branch_labels = None
depends_on = None

ROLES = ("crawlset_api", "crawlset_worker", "crawlset_tick")
QUOTAS = {
    "max_active_jobs": (sa.Integer(), "10"),
    "max_images_per_job": (sa.Integer(), "1000000"),
    "max_stored_bytes": (sa.BigInteger(), "1099511627776"),
    "max_requests_per_minute": (sa.Integer(), "600"),
}
TENANT_TABLES = ("identities", "job_events")


def upgrade() -> None:
    for name, (kind, usual) in QUOTAS.items():
        op.add_column(
            "profiles", sa.Column(name, kind, server_default=sa.text(usual), nullable=False)
        )
    op.create_table(
        "identities",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_identities_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identities")),
    )
    op.create_index(op.f("ix_identities_user_id"), "identities", ["user_id"], unique=False)
    op.create_table(
        "request_counts",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("n_requests", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_request_counts_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_request_counts")),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "job_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("crawl_job_id", sa.Uuid(), nullable=False),
        sa.Column(
            "transaction_id",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
            nullable=False,
        ),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["crawl_job_id", "user_id"],
            ["crawl_jobs.id", "crawl_jobs.user_id"],
            name=op.f("fk_job_events_crawl_job_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_job_events_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_events")),
    )
    op.create_index(
        op.f("ix_job_events_crawl_job_id_transaction_id_id"),
        "job_events",
        ["crawl_job_id", "transaction_id", "id"],
        unique=False,
    )
    extend_schedules()
    op.add_column(
        "job_chunks",
        sa.Column("fetch_seconds", sa.Double(), server_default="0", nullable=False),
    )
    op.add_column(
        "job_chunks",
        sa.Column("bytes_received", sa.BigInteger(), server_default="0", nullable=False),
    )
    secure()
    count_requests()
    note_events()


def extend_schedules() -> None:
    op.create_unique_constraint(
        op.f("uq_crawl_schedules_id_user_id"), "crawl_schedules", ["id", "user_id"]
    )
    op.alter_column("crawl_schedules", "cron", nullable=True)
    op.add_column("crawl_schedules", sa.Column("rate_seconds", sa.Integer(), nullable=True))
    op.add_column(
        "crawl_schedules",
        sa.Column("catches_up", sa.Boolean(), server_default="true", nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_crawl_schedules_cron_or_rate"),
        "crawl_schedules",
        "(cron IS NULL) <> (rate_seconds IS NULL)",
    )
    op.add_column("crawl_jobs", sa.Column("schedule_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_crawl_jobs_schedule_id_user_id"),
        "crawl_jobs",
        "crawl_schedules",
        ["schedule_id", "user_id"],
        ["id", "user_id"],
        ondelete="SET NULL (schedule_id)",
    )
    op.create_index(op.f("ix_crawl_jobs_schedule_id"), "crawl_jobs", ["schedule_id"], unique=False)


def secure() -> None:
    for role in ROLES:
        for table in TENANT_TABLES:
            op.execute(f"GRANT SELECT, INSERT ON {table} TO {role}")
        op.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}")
    for table in TENANT_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING (user_id = app_user_id()) "
            "WITH CHECK (user_id = app_user_id())"
        )
        op.execute(
            f"CREATE POLICY housekeeping ON {table} TO crawlset_tick USING (true) WITH CHECK (true)"
        )
    op.execute("ALTER TABLE request_counts ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE request_counts FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY counting ON request_counts TO CURRENT_USER USING (true) WITH CHECK (true)"
    )
    op.execute("GRANT INSERT ON profiles TO crawlset_api")
    op.execute(
        """
        CREATE POLICY shown_by_caller ON identities FOR SELECT TO crawlset_api
        USING (issuer || ' ' || subject = nullif(current_setting('app.identity', true), ''))
        """
    )


def count_requests() -> None:
    """
    A fixed window of a minute. The function runs in a transaction of its own, so that one
    caller's requests do not wait for each other's work.
    """
    op.execute(
        """
        CREATE FUNCTION count_request(
            caller uuid, OUT n_requests int, OUT max_requests int, OUT seconds_left int
        ) LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
            INSERT INTO request_counts AS counted (user_id, window_start, n_requests)
            VALUES (caller, date_trunc('minute', now()), 1)
            ON CONFLICT (user_id) DO UPDATE SET
                n_requests = CASE
                    WHEN counted.window_start = excluded.window_start THEN counted.n_requests + 1
                    ELSE 1
                END,
                window_start = excluded.window_start
            RETURNING
                counted.n_requests,
                (SELECT max_requests_per_minute FROM profiles WHERE id = caller),
                ceil(extract(epoch FROM
                    counted.window_start + interval '1 minute' - now()))::int
        $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION count_request FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION count_request TO crawlset_api")


def note_events() -> None:
    op.execute(
        """
        CREATE FUNCTION note_status() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            resource text := replace(rtrim(TG_TABLE_NAME, 's'), 'job_chunk', 'chunk');
            happened text := NEW.status;
        BEGIN
            IF TG_OP = 'INSERT' THEN
                happened := 'created';
            ELSIF NEW.status = 'running' AND OLD.status IN ('completed', 'failed') THEN
                happened := 'reopened';
            END IF;
            INSERT INTO job_events (user_id, crawl_job_id, type, data) VALUES (
                NEW.user_id,
                CASE WHEN TG_TABLE_NAME = 'crawl_jobs' THEN NEW.id
                     ELSE (to_jsonb(NEW) ->> 'crawl_job_id')::uuid END,
                resource || '.' || happened,
                jsonb_strip_nulls(jsonb_build_object(
                    'id', NEW.id,
                    'status', NEW.status,
                    'error_message', NEW.error_message,
                    'outcomes', CASE WHEN TG_TABLE_NAME = 'job_chunks'
                        THEN to_jsonb(NEW) -> 'outcomes' END,
                    'bytes_stored', CASE WHEN TG_TABLE_NAME = 'job_chunks'
                        THEN to_jsonb(NEW) -> 'bytes_stored' END
                ))
            );
            RETURN NULL;
        END $$
        """
    )
    for table in ("crawl_jobs", "validation_jobs", "export_jobs"):
        op.execute(
            f"CREATE TRIGGER note_creation AFTER INSERT ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION note_status()"
        )
        op.execute(
            f"CREATE TRIGGER note_status AFTER UPDATE OF status ON {table} FOR EACH ROW "
            "WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION note_status()"
        )
    op.execute(
        "CREATE TRIGGER note_status AFTER UPDATE OF status ON job_chunks FOR EACH ROW "
        "WHEN (OLD.status IS DISTINCT FROM NEW.status AND NEW.status IN ('completed', 'failed')) "
        "EXECUTE FUNCTION note_status()"
    )


def downgrade() -> None:
    for table in ("crawl_jobs", "validation_jobs", "export_jobs"):
        op.execute(f"DROP TRIGGER note_creation ON {table}")
        op.execute(f"DROP TRIGGER note_status ON {table}")
    op.execute("DROP TRIGGER note_status ON job_chunks")
    op.execute("DROP FUNCTION note_status()")
    op.execute("DROP FUNCTION count_request(uuid)")
    op.execute("REVOKE INSERT ON profiles FROM crawlset_api")
    for column in ("bytes_received", "fetch_seconds"):
        op.drop_column("job_chunks", column)
    op.drop_column("crawl_jobs", "schedule_id")
    op.execute("DELETE FROM crawl_schedules WHERE cron IS NULL")
    for column in ("rate_seconds", "catches_up"):
        op.drop_column("crawl_schedules", column)
    op.alter_column("crawl_schedules", "cron", nullable=False)
    op.drop_constraint(op.f("uq_crawl_schedules_id_user_id"), "crawl_schedules")
    op.drop_table("job_events")
    op.drop_table("request_counts")
    op.drop_table("identities")
    for name in reversed(QUOTAS):
        op.drop_column("profiles", name)
