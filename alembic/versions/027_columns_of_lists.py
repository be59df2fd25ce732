"""an image keeps what else its list says of it, and the hash that its file must have

Revision: 027
Revises: 025

Code from before this plans rows of lists without either.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "027"
down_revision = "025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("images", sa.Column("columns", JSONB(), nullable=True))
    op.add_column("images", sa.Column("expected_hash", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("images", "expected_hash")
    op.drop_column("images", "columns")
