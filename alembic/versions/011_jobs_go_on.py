"""jobs that go on after a cancel, what searches wait for, what re-crawls found, deleted folders

Revision: 011
Revises: 010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "011"
down_revision = "010"
branch_labels = None
depends_on = None

FOLDERS = {"crawl_jobs": "jobs", "validation_jobs": "validations", "export_jobs": "exports"}
NOTE_STATUS = """
    CREATE OR REPLACE FUNCTION note_status() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        resource text := replace(rtrim(TG_TABLE_NAME, 's'), 'job_chunk', 'chunk');
        happened text := NEW.status;
    BEGIN
        IF TG_OP = 'INSERT' THEN
            happened := 'created';
        ELSIF NEW.status = 'running' AND OLD.status IN ({ended}) THEN
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


def upgrade() -> None:
    op.add_column("crawl_jobs", sa.Column("run", sa.Integer(), server_default="1", nullable=False))
    op.add_column(
        "crawl_jobs", sa.Column("recrawled_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "job_chunks",
        sa.Column("changes", postgresql.JSONB(), server_default="{}", nullable=False),
    )
    op.add_column(
        "job_searches", sa.Column("n_failures", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("job_searches", sa.Column("last_error", sa.Text(), nullable=True))
    for column in ("failed_at", "next_attempt_at"):
        op.add_column("job_searches", sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    op.execute(NOTE_STATUS.format(ended="'completed', 'failed', 'cancelled'"))
    note_waiting()
    remove_folders()


def note_waiting() -> None:
    """An event a change of what a search waits for, and one when it ends that has waited."""
    op.execute(
        """
        CREATE FUNCTION note_waiting() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            has_ended boolean := NEW.status IN ('completed', 'failed', 'cancelled');
        BEGIN
            INSERT INTO job_events (user_id, crawl_job_id, type, data) VALUES (
                NEW.user_id,
                NEW.crawl_job_id,
                'search.' || CASE WHEN has_ended THEN NEW.status ELSE 'waiting' END,
                jsonb_strip_nulls(jsonb_build_object(
                    'id', NEW.id,
                    'status', NEW.status,
                    'source', NEW.source,
                    'keyword', NEW.keyword,
                    'error_message', CASE WHEN has_ended THEN NEW.error_message
                        ELSE NEW.last_error END,
                    'next_attempt_at', CASE WHEN NOT has_ended THEN NEW.next_attempt_at END
                ))
            );
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER note_waiting AFTER UPDATE OF last_error, status ON job_searches "
        "FOR EACH ROW WHEN ("
        "(NEW.last_error IS NOT NULL AND NEW.last_error IS DISTINCT FROM OLD.last_error) OR "
        "(OLD.last_error IS NOT NULL AND NEW.status IS DISTINCT FROM OLD.status "
        "AND NEW.status IN ('completed', 'failed', 'cancelled'))"
        ") EXECUTE FUNCTION note_waiting()"
    )


def remove_folders() -> None:
    """Whatever deletes a job, its objects are to be removed: one trigger for every way."""
    op.create_table(
        "folder_removals",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column(
            "deleted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_folder_removals")),
    )
    op.create_index(op.f("ix_folder_removals_due_at"), "folder_removals", ["due_at"])
    op.execute("GRANT SELECT, UPDATE, DELETE ON folder_removals TO crawlset_tick")
    op.execute(
        """
        CREATE FUNCTION remove_folder() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = public, pg_temp AS $$
        BEGIN
            INSERT INTO folder_removals (prefix) VALUES (TG_ARGV[0] || '/' || OLD.id || '/');
            RETURN NULL;
        END $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION remove_folder FROM PUBLIC")
    for table, folder in FOLDERS.items():
        op.execute(
            f"CREATE TRIGGER remove_folder AFTER DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION remove_folder('{folder}')"
        )


def downgrade() -> None:
    for table in FOLDERS:
        op.execute(f"DROP TRIGGER remove_folder ON {table}")
    op.execute("DROP FUNCTION remove_folder()")
    op.drop_table("folder_removals")
    op.execute("DROP TRIGGER note_waiting ON job_searches")
    op.execute("DROP FUNCTION note_waiting()")
    op.execute(NOTE_STATUS.format(ended="'completed', 'failed'"))
    for column in ("next_attempt_at", "failed_at", "last_error", "n_failures"):
        op.drop_column("job_searches", column)
    op.drop_column("job_chunks", "changes")
    for column in ("recrawled_at", "run"):
        op.drop_column("crawl_jobs", column)
