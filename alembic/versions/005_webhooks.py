"""deliveries to webhooks, and how far events were published

Revision: 005
Revises: 004

A trigger makes a delivery of each event and each webhook that wants it, in the event's own
transaction. Only the tick, which signs them, may read the secrets.
"""

import sqlalchemy as sa
from alembic import op

revision = "005"
down_revision = "004"
branch_labels = None
depends_on = None

READABLE = "id, user_id, url, events, is_enabled, created_at, updated_at"


def upgrade() -> None:
    op.add_column("webhook_deliveries", sa.Column("event_id", sa.BigInteger(), nullable=False))
    op.add_column("webhook_deliveries", sa.Column("last_detail", sa.Text(), nullable=True))
    op.create_index(
        op.f("ix_webhook_deliveries_webhook_id_event_id"),
        "webhook_deliveries",
        ["webhook_id", "event_id"],
        unique=True,
    )
    op.drop_index(op.f("ix_webhook_deliveries_webhook_id"), "webhook_deliveries")
    op.create_index(
        op.f("ix_webhook_deliveries_created_at"), "webhook_deliveries", ["created_at"], unique=False
    )
    op.create_index(
        op.f("ix_job_events_transaction_id_id"),
        "job_events",
        ["transaction_id", "id"],
        unique=False,
    )
    op.create_table(
        "event_cursors",
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reader", name=op.f("pk_event_cursors")),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON event_cursors TO crawlset_tick")
    for role in ("crawlset_api", "crawlset_worker"):
        op.execute(f"REVOKE SELECT ON webhooks FROM {role}")
        op.execute(f"GRANT SELECT ({READABLE}) ON webhooks TO {role}")
    op.execute(
        """
        CREATE POLICY named_by_message ON webhook_deliveries FOR SELECT TO crawlset_worker
        USING (id = nullif(current_setting('app.delivery_id', true), '')::uuid)
        """
    )
    op.execute(
        """
        CREATE FUNCTION deliver_event() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO webhook_deliveries
                (id, user_id, webhook_id, event_id, event, next_attempt_at)
            SELECT gen_random_uuid(), NEW.user_id, webhooks.id, NEW.id,
                jsonb_build_object(
                    'type', NEW.type,
                    'timestamp', to_char(
                        NEW.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
                    ),
                    'data', NEW.data || jsonb_build_object('crawl_job_id', NEW.crawl_job_id)
                ),
                now()
            FROM webhooks
            WHERE webhooks.user_id = NEW.user_id AND webhooks.is_enabled
                AND webhooks.events && ARRAY[NEW.type, '*'];
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER deliver_event AFTER INSERT ON job_events "
        "FOR EACH ROW EXECUTE FUNCTION deliver_event()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER deliver_event ON job_events")
    op.execute("DROP FUNCTION deliver_event()")
    op.execute("DROP POLICY named_by_message ON webhook_deliveries")
    for role in ("crawlset_api", "crawlset_worker"):
        op.execute(f"REVOKE SELECT ({READABLE}) ON webhooks FROM {role}")
        op.execute(f"GRANT SELECT ON webhooks TO {role}")
    op.drop_table("event_cursors")
    op.drop_index(op.f("ix_job_events_transaction_id_id"), "job_events")
    op.drop_index(op.f("ix_webhook_deliveries_created_at"), "webhook_deliveries")
    op.create_index(op.f("ix_webhook_deliveries_webhook_id"), "webhook_deliveries", ["webhook_id"])
    op.drop_index(op.f("ix_webhook_deliveries_webhook_id_event_id"), "webhook_deliveries")
    op.drop_column("webhook_deliveries", "last_detail")
    op.drop_column("webhook_deliveries", "event_id")
