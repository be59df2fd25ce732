"""check the old rows against the outcomes that 026 lists

Revision: 027
Revises: 026

A transaction of its own, whose lock lets everybody read and write `images` meanwhile.
"""

from alembic import op

revision = "027"
down_revision = "026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '10min'")
    op.execute("ALTER TABLE images VALIDATE CONSTRAINT ck_images_outcome")


def downgrade() -> None:
    """What holds may stay known to hold."""
