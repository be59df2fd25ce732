"""an export says what its loaders will not do as one would expect

Revision: 024
Revises: 023

Code from before this completes exports without saying so.
"""

import sqlalchemy as sa
from alembic import op

revision = "024"
down_revision = "023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "export_jobs",
        sa.Column("warnings", sa.ARRAY(sa.Text()), nullable=False, server_default="{}"),
    )


def downgrade() -> None:
    op.drop_column("export_jobs", "warnings")
