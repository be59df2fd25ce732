"""a search says what of its source could not be read, and how often it has made way for others

Revision: 025
Revises: 024

Code from before this asks a search again from its beginning.
"""

import sqlalchemy as sa
from alembic import op

revision = "025"
down_revision = "024"
branch_labels = None
depends_on = None

COUNTS = ("n_skipped", "n_pauses")


def upgrade() -> None:
    for name in COUNTS:
        op.add_column(
            "job_searches", sa.Column(name, sa.Integer(), nullable=False, server_default="0")
        )


def downgrade() -> None:
    for name in COUNTS:
        op.drop_column("job_searches", name)
