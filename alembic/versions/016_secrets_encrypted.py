"""webhooks' secrets are encrypted, and messages of the outbox are their tenants'

Revision: 016
Revises: 015

SQL has no key, so nothing is encrypted here: the tick encrypts what it finds in clear, and `secret`
is dropped in a later release. Code from before this writes `secret` as it did. It cannot sign with
an encrypted secret, so downgrading deletes the webhooks that have one.

A message that has no owner is older than this, or the tick's own: only the tick relays it.
"""

import sqlalchemy as sa
from alembic import op

revision = "016"
down_revision = "015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("webhooks", sa.Column("encrypted_secret", sa.LargeBinary(), nullable=True))
    op.alter_column("webhooks", "secret", nullable=True)
    op.create_check_constraint(
        op.f("ck_webhooks_one_secret"), "webhooks", "num_nonnulls(secret, encrypted_secret) = 1"
    )

    op.add_column(
        "outbox_messages",
        sa.Column("user_id", sa.Uuid(), server_default=sa.text("app_user_id()"), nullable=True),
    )
    op.execute("ALTER TABLE outbox_messages ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE outbox_messages FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON outbox_messages USING (user_id = app_user_id()) "
        "WITH CHECK (user_id = app_user_id())"
    )
    op.execute(
        "CREATE POLICY housekeeping ON outbox_messages TO crawlset_tick "
        "USING (true) WITH CHECK (true)"
    )


def downgrade() -> None:
    op.execute("DROP POLICY housekeeping ON outbox_messages")
    op.execute("DROP POLICY tenant ON outbox_messages")
    op.execute("ALTER TABLE outbox_messages NO FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE outbox_messages DISABLE ROW LEVEL SECURITY")
    op.drop_column("outbox_messages", "user_id")

    op.drop_constraint(op.f("ck_webhooks_one_secret"), "webhooks")
    # Of every tenant, which forced row-level security would hide from the owner as well.
    op.execute("ALTER TABLE webhooks NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM webhooks WHERE secret IS NULL")
    op.execute("ALTER TABLE webhooks FORCE ROW LEVEL SECURITY")
    op.alter_column("webhooks", "secret", nullable=False)
    op.drop_column("webhooks", "encrypted_secret")
