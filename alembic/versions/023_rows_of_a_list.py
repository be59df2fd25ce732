"""a search says how many rows it repeated, and of how many a text was altered

Revision: 023
Revises: 021

Code from before this plans parts without counting either.
"""

import sqlalchemy as sa
from alembic import op

revision = "023"
down_revision = "021"
branch_labels = None
depends_on = None

COUNTS = ("n_repeated", "n_altered")


def upgrade() -> None:
    for name in COUNTS:
        op.add_column(
            "job_searches", sa.Column(name, sa.Integer(), nullable=False, server_default="0")
        )


def downgrade() -> None:
    for name in COUNTS:
        op.drop_column("job_searches", name)
