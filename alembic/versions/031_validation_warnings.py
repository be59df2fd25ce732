"""a validation warns of what its owner should look at

Revision: 031
Revises: 030

Code from before this completes validations without warnings.
"""

import sqlalchemy as sa
from alembic import op

revision = "031"
down_revision = "030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "validation_jobs",
        sa.Column("warnings", sa.ARRAY(sa.Text()), nullable=False, server_default="{}"),
    )


def downgrade() -> None:
    op.drop_column("validation_jobs", "warnings")
