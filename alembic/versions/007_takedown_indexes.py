"""indexes for takedowns, and the check of the old rows against what 006 demands

Revision: 007
Revises: 006

Everybody reads and writes `images` meanwhile. A build that broke off leaves an invalid index,
which the next run replaces.
"""

import sqlalchemy as sa
from alembic import op

revision = "007"
down_revision = "006"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_images_pack_key": ("pack_key", "pack_key IS NOT NULL"),
    "ix_images_taken_down": ("sha256", "outcome = 'refused_takedown'"),
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = '10min'")
        for name, (column, condition) in INDEXES.items():
            op.drop_index(name, "images", if_exists=True, postgresql_concurrently=True)
            op.create_index(
                name,
                "images",
                [column],
                postgresql_where=sa.text(condition),
                postgresql_concurrently=True,
            )
        op.execute("ALTER TABLE images VALIDATE CONSTRAINT ck_images_outcome")
        op.execute("ALTER TABLE outbox_messages VALIDATE CONSTRAINT ck_outbox_messages_target")
        op.execute("SET statement_timeout = '60s'")


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "images")
