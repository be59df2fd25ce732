"""an export says how many images it had to leave out, by reason

Revision: 019
Revises: 018

Code from before this completes exports without saying so.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "019"
down_revision = "018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "export_jobs", sa.Column("left_out", JSONB(), nullable=False, server_default="{}")
    )


def downgrade() -> None:
    op.drop_column("export_jobs", "left_out")
