"""initial schema: every table, and who may see which row

Revision: 001
Revises:

Row-level security is forced on every tenant's table. Three group roles, without a login, hold the
privileges; the migration function makes a login for each in this database:

* crawlset_api: what the API may do, as the caller
* crawlset_worker: what queue consumers may do, as the owner of the job a message names
* crawlset_tick: the housekeeper, which sweeps the rows of all tenants
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "001"
down_revision = None
branch_labels = None
depends_on = None

ROLES = ("crawlset_api", "crawlset_worker", "crawlset_tick")
TENANT_TABLES = (
    "activity_logs",
    "api_keys",
    "crawl_jobs",
    "crawl_schedules",
    "export_files",
    "export_jobs",
    "idempotency_keys",
    "image_verdicts",
    "images",
    "job_chunks",
    "job_searches",
    "job_templates",
    "projects",
    "takedowns",
    "validation_jobs",
    "webhook_deliveries",
    "webhooks",
)


def upgrade() -> None:
    create_tables()
    create_roles()
    secure_rows()


def create_tables() -> None:
    op.create_table(
        "outbox_messages",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "target",
            sa.Enum(
                "discover",
                "plan",
                "chunks",
                "host_lanes",
                "results",
                "pipeline",
                name="target",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=True),
        sa.Column("deduplication_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "leased_until",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "target IN ('discover', 'plan', 'chunks', 'host_lanes', 'results', 'pipeline')",
            name=op.f("ck_outbox_messages_target"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_messages")),
    )
    op.create_index(
        op.f("ix_outbox_messages_leased_until_id"),
        "outbox_messages",
        ["leased_until", "id"],
        unique=False,
    )
    op.create_table(
        "profiles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profiles")),
    )
    op.create_index(op.f("ix_profiles_email"), "profiles", ["email"], unique=True)
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_idempotency_keys_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "activity_logs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "timestamp",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("resource_type", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column(
            "metadata",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_activity_logs_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity_logs")),
    )
    op.create_index(
        op.f("ix_activity_logs_timestamp"), "activity_logs", ["timestamp"], unique=False
    )
    op.create_index(op.f("ix_activity_logs_user_id"), "activity_logs", ["user_id"], unique=False)
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_api_keys_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_index(op.f("ix_api_keys_prefix"), "api_keys", ["prefix"], unique=True)
    op.create_index(op.f("ix_api_keys_user_id"), "api_keys", ["user_id"], unique=False)
    op.create_table(
        "projects",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
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
            name=op.f("fk_projects_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_projects_id_user_id")),
    )
    op.create_index(op.f("ix_projects_user_id"), "projects", ["user_id"], unique=False)
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), server_default="true", nullable=False),
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
            name=op.f("fk_webhooks_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_webhooks_id_user_id")),
    )
    op.create_index(op.f("ix_webhooks_user_id"), "webhooks", ["user_id"], unique=False)
    op.create_table(
        "crawl_jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("keywords", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("max_images", sa.Integer(), nullable=False),
        sa.Column("policy", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("validation_rules", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("export_request", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "running",
                "completed",
                "failed",
                "cancelled",
                name="jobstatus",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("error_message", sa.Text(), nullable=True),
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
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_crawl_jobs_status"),
        ),
        sa.CheckConstraint("max_images > 0", name=op.f("ck_crawl_jobs_max_images_positive")),
        sa.ForeignKeyConstraint(
            ["project_id", "user_id"],
            ["projects.id", "projects.user_id"],
            name=op.f("fk_crawl_jobs_project_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_crawl_jobs_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crawl_jobs")),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_crawl_jobs_id_user_id")),
    )
    op.create_index(
        op.f("ix_crawl_jobs_project_id_status"),
        "crawl_jobs",
        ["project_id", "status"],
        unique=False,
    )
    op.create_index(op.f("ix_crawl_jobs_status"), "crawl_jobs", ["status"], unique=False)
    op.create_index(op.f("ix_crawl_jobs_user_id"), "crawl_jobs", ["user_id"], unique=False)
    op.create_table(
        "job_templates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("configuration", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
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
            ["project_id", "user_id"],
            ["projects.id", "projects.user_id"],
            name=op.f("fk_job_templates_project_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_job_templates_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_templates")),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_job_templates_id_user_id")),
    )
    op.create_index(
        op.f("ix_job_templates_project_id_name"),
        "job_templates",
        ["project_id", "name"],
        unique=True,
    )
    op.create_table(
        "takedowns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("n_images", sa.Integer(), server_default="0", nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
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
            ["project_id", "user_id"],
            ["projects.id", "projects.user_id"],
            name=op.f("fk_takedowns_project_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_takedowns_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_takedowns")),
    )
    op.create_index(op.f("ix_takedowns_project_id"), "takedowns", ["project_id"], unique=False)
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("event", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("n_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
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
            name=op.f("fk_webhook_deliveries_user_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id", "user_id"],
            ["webhooks.id", "webhooks.user_id"],
            name=op.f("fk_webhook_deliveries_webhook_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("delivered_at IS NULL"),
    )
    op.create_index(
        op.f("ix_webhook_deliveries_webhook_id"),
        "webhook_deliveries",
        ["webhook_id"],
        unique=False,
    )
    op.create_table(
        "crawl_schedules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("is_paused", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("next_run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_run_at", sa.DateTime(timezone=True), nullable=True),
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
            ["project_id", "user_id"],
            ["projects.id", "projects.user_id"],
            name=op.f("fk_crawl_schedules_project_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["template_id", "user_id"],
            ["job_templates.id", "job_templates.user_id"],
            name=op.f("fk_crawl_schedules_template_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_crawl_schedules_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crawl_schedules")),
    )
    op.create_index(
        "ix_crawl_schedules_due",
        "crawl_schedules",
        ["next_run_at"],
        unique=False,
        postgresql_where=sa.text("NOT is_paused"),
    )
    op.create_index(
        op.f("ix_crawl_schedules_project_id_name"),
        "crawl_schedules",
        ["project_id", "name"],
        unique=True,
    )
    op.create_table(
        "export_jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("crawl_job_id", sa.Uuid(), nullable=False),
        sa.Column("validation_job_id", sa.Uuid(), nullable=True),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("export_options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "running",
                "completed",
                "failed",
                "cancelled",
                name="jobstatus",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("n_images", sa.Integer(), server_default="0", nullable=False),
        sa.Column("file_size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
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
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_export_jobs_status"),
        ),
        sa.ForeignKeyConstraint(
            ["crawl_job_id", "user_id"],
            ["crawl_jobs.id", "crawl_jobs.user_id"],
            name=op.f("fk_export_jobs_crawl_job_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_export_jobs_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_jobs")),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_export_jobs_id_user_id")),
    )
    op.create_index(
        op.f("ix_export_jobs_crawl_job_id"),
        "export_jobs",
        ["crawl_job_id"],
        unique=False,
    )
    op.create_index(op.f("ix_export_jobs_status"), "export_jobs", ["status"], unique=False)
    op.create_index(op.f("ix_export_jobs_user_id"), "export_jobs", ["user_id"], unique=False)
    op.create_table(
        "job_chunks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("crawl_job_id", sa.Uuid(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "queued",
                "completed",
                "failed",
                "cancelled",
                name="workstatus",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("attempt", sa.Integer(), server_default="1", nullable=False),
        sa.Column("n_urls", sa.Integer(), nullable=False),
        sa.Column(
            "outcomes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
        ),
        sa.Column("bytes_stored", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("pack_key", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
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
        sa.CheckConstraint(
            "status IN ('pending', 'queued', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_job_chunks_status"),
        ),
        sa.ForeignKeyConstraint(
            ["crawl_job_id", "user_id"],
            ["crawl_jobs.id", "crawl_jobs.user_id"],
            name=op.f("fk_job_chunks_crawl_job_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_job_chunks_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_chunks")),
    )
    op.create_index(
        op.f("ix_job_chunks_crawl_job_id_status"),
        "job_chunks",
        ["crawl_job_id", "status"],
        unique=False,
    )
    op.create_index(op.f("ix_job_chunks_finished_at"), "job_chunks", ["finished_at"], unique=False)
    op.create_index(
        "ix_job_chunks_unfinished",
        "job_chunks",
        ["updated_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('pending', 'queued')"),
    )
    op.create_table(
        "job_searches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("crawl_job_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("keyword", sa.Text(), nullable=True),
        sa.Column("request", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "queued",
                "completed",
                "failed",
                "cancelled",
                name="workstatus",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("attempt", sa.Integer(), server_default="1", nullable=False),
        sa.Column("n_parts", sa.Integer(), nullable=True),
        sa.Column(
            "planned_parts",
            postgresql.ARRAY(sa.Integer()),
            server_default="{}",
            nullable=False,
        ),
        sa.Column("n_candidates", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
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
        sa.CheckConstraint(
            "status IN ('pending', 'queued', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_job_searches_status"),
        ),
        sa.ForeignKeyConstraint(
            ["crawl_job_id", "user_id"],
            ["crawl_jobs.id", "crawl_jobs.user_id"],
            name=op.f("fk_job_searches_crawl_job_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_job_searches_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_searches")),
    )
    op.create_index(
        op.f("ix_job_searches_crawl_job_id"),
        "job_searches",
        ["crawl_job_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_job_searches_source_updated_at"),
        "job_searches",
        ["source", "updated_at"],
        unique=False,
    )
    op.create_index(
        "ix_job_searches_unfinished",
        "job_searches",
        ["updated_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('pending', 'queued')"),
    )
    op.create_table(
        "validation_jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("crawl_job_id", sa.Uuid(), nullable=False),
        sa.Column("validation_rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "running",
                "completed",
                "failed",
                "cancelled",
                name="jobstatus",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("n_kept", sa.Integer(), server_default="0", nullable=False),
        sa.Column("n_rejected", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "by_rule",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
        ),
        sa.Column("error_message", sa.Text(), nullable=True),
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
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_validation_jobs_status"),
        ),
        sa.ForeignKeyConstraint(
            ["crawl_job_id", "user_id"],
            ["crawl_jobs.id", "crawl_jobs.user_id"],
            name=op.f("fk_validation_jobs_crawl_job_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_validation_jobs_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_validation_jobs")),
        sa.UniqueConstraint("id", "user_id", name=op.f("uq_validation_jobs_id_user_id")),
    )
    op.create_index(
        op.f("ix_validation_jobs_crawl_job_id"),
        "validation_jobs",
        ["crawl_job_id"],
        unique=False,
    )
    op.create_index(op.f("ix_validation_jobs_status"), "validation_jobs", ["status"], unique=False)
    op.create_table(
        "export_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("export_job_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("file_size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["export_job_id", "user_id"],
            ["export_jobs.id", "export_jobs.user_id"],
            name=op.f("fk_export_files_export_job_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_export_files_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_files")),
    )
    op.create_index(
        op.f("ix_export_files_export_job_id_name"),
        "export_files",
        ["export_job_id", "name"],
        unique=True,
    )
    op.create_table(
        "images",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("crawl_job_id", sa.Uuid(), nullable=False),
        sa.Column("chunk_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("url_hash", sa.LargeBinary(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=True),
        sa.Column("keyword", sa.Text(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("landing_url", sa.Text(), nullable=True),
        sa.Column("licence", sa.Text(), nullable=True),
        sa.Column("licence_raw", sa.Text(), nullable=True),
        sa.Column("creator", sa.Text(), nullable=True),
        sa.Column("attribution", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "stored",
                "duplicate",
                "rejected",
                "refused",
                "failed",
                "cancelled",
                name="imagestatus",
                native_enum=False,
                length=24,
            ),
            server_default="pending",
            nullable=False,
        ),
        sa.Column(
            "outcome",
            sa.Enum(
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
                name="outcome",
                native_enum=False,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("downloaded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("final_url", sa.Text(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("content_type", sa.Text(), nullable=True),
        sa.Column("file_size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("format", sa.Text(), nullable=True),
        sa.Column("mode", sa.Text(), nullable=True),
        sa.Column("n_frames", sa.Integer(), nullable=True),
        sa.Column("phash", sa.BigInteger(), nullable=True),
        sa.Column("pack_key", sa.Text(), nullable=True),
        sa.Column("pack_offset", sa.BigInteger(), nullable=True),
        sa.Column("pack_length", sa.BigInteger(), nullable=True),
        sa.Column("duplicate_of", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(status = 'pending') = (outcome IS NULL)",
            name=op.f("ck_images_settled_with_outcome"),
        ),
        sa.CheckConstraint(
            "outcome IN ('stored', 'duplicate_bytes', 'refused_robots', 'refused_noai', 'refused_tdm', 'refused_licence', 'refused_source', 'blocked_address', 'invalid_url', 'dns_error', 'connect_error', 'tls_error', 'timeout', 'too_slow', 'too_large', 'too_many_redirects', 'http_403', 'http_404', 'http_410', 'http_429', 'http_4xx', 'http_5xx', 'not_image', 'unsupported_format', 'truncated', 'decode_error', 'decode_crash', 'decompression_bomb', 'worker_failed', 'cancelled')",
            name=op.f("ck_images_outcome"),
        ),
        sa.CheckConstraint(
            "status <> 'stored' OR (pack_key IS NOT NULL AND sha256 IS NOT NULL)",
            name=op.f("ck_images_stored_in_pack"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'stored', 'duplicate', 'rejected', 'refused', 'failed', 'cancelled')",
            name=op.f("ck_images_status"),
        ),
        sa.ForeignKeyConstraint(
            ["chunk_id"],
            ["job_chunks.id"],
            name=op.f("fk_images_chunk_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["crawl_job_id", "user_id"],
            ["crawl_jobs.id", "crawl_jobs.user_id"],
            name=op.f("fk_images_crawl_job_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
    )
    op.create_index("ix_images_host", "images", ["crawl_job_id", "host"], unique=False)
    op.create_index("ix_images_chunk_id_ordinal", "images", ["chunk_id", "ordinal"], unique=False)
    op.create_index("ix_images_crawl_job_id", "images", ["crawl_job_id", "id"], unique=False)
    op.create_index(
        "uq_images_crawl_job_id_url_hash",
        "images",
        ["crawl_job_id", "url_hash"],
        unique=True,
    )
    op.create_index(
        "uq_images_stored_sha256",
        "images",
        ["crawl_job_id", "sha256"],
        unique=True,
        postgresql_where=sa.text("status = 'stored'"),
    )
    op.create_table(
        "image_verdicts",
        sa.Column("validation_job_id", sa.Uuid(), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "verdict",
            sa.Enum("keep", "reject", name="verdict", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("measured", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("duplicate_of", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("verdict IN ('keep', 'reject')", name=op.f("ck_image_verdicts_verdict")),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["images.id"],
            name=op.f("fk_image_verdicts_image_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profiles.id"],
            name=op.f("fk_image_verdicts_user_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["validation_job_id", "user_id"],
            ["validation_jobs.id", "validation_jobs.user_id"],
            name=op.f("fk_image_verdicts_validation_job_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("validation_job_id", "image_id", name=op.f("pk_image_verdicts")),
    )
    op.create_index(
        op.f("ix_image_verdicts_image_id"), "image_verdicts", ["image_id"], unique=False
    )
    op.create_index(
        "ix_image_verdicts_verdict",
        "image_verdicts",
        ["validation_job_id", "verdict", "image_id"],
        unique=False,
    )


def create_roles() -> None:
    """Roles belong to the whole server: another database may have made them already."""
    for role in ROLES:
        op.execute(
            f"""
            DO $$ BEGIN
                CREATE ROLE {role} NOLOGIN;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END $$
            """
        )
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        op.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}")
    op.execute("REVOKE ALL ON alembic_version FROM crawlset_api, crawlset_worker, crawlset_tick")
    op.execute(
        "REVOKE INSERT, DELETE ON profiles FROM crawlset_api, crawlset_worker, crawlset_tick"
    )


def secure_rows() -> None:
    op.execute(
        """
        CREATE FUNCTION app_user_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
        RETURN nullif(current_setting('app.user_id', true), '')::uuid
        """
    )
    for table, owner in [
        ("profiles", "id"),
        *((table, "user_id") for table in TENANT_TABLES),
    ]:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING ({owner} = app_user_id()) "
            f"WITH CHECK ({owner} = app_user_id())"
        )
        op.execute(
            f"CREATE POLICY housekeeping ON {table} TO crawlset_tick USING (true) WITH CHECK (true)"
        )
    op.execute("CREATE POLICY administration ON profiles FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(
        """
        CREATE POLICY named_by_message ON crawl_jobs FOR SELECT TO crawlset_worker
        USING (id = nullif(current_setting('app.job_id', true), '')::uuid)
        """
    )
    op.execute(
        """
        CREATE POLICY shown_by_caller ON api_keys FOR SELECT TO crawlset_api
        USING (prefix = nullif(current_setting('app.key_prefix', true), ''))
        """
    )


def downgrade() -> None:
    """The roles stay: other databases of the server may use them."""
    for table in (
        "image_verdicts",
        "images",
        "export_files",
        "validation_jobs",
        "job_searches",
        "job_chunks",
        "export_jobs",
        "crawl_schedules",
        "webhook_deliveries",
        "takedowns",
        "job_templates",
        "crawl_jobs",
        "webhooks",
        "projects",
        "api_keys",
        "activity_logs",
        "idempotency_keys",
        "profiles",
        "outbox_messages",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION app_user_id()")
    for role in ROLES:
        op.execute(f"REVOKE ALL ON SCHEMA public FROM {role}")
