"""check the old rows against what 002 demands of new ones

Revision: 003
Revises: 002

A transaction of its own, whose lock lets everybody read and write `images` meanwhile.
"""

from alembic import op

revision = "003"
down_revision = "002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '10min'")
    for column in ("outcome", "change"):
        op.execute(f"ALTER TABLE images VALIDATE CONSTRAINT ck_images_{column}")


def downgrade() -> None:
    """What holds may stay known to hold."""
