"""images have beside their hashes what these do not tell: colours, and mosaic of grey

Revision: 020
Revises: 019

Code from before this writes images without them: they are compared by their hashes alone.
"""

import sqlalchemy as sa
from alembic import op

revision = "020"
down_revision = "019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("images", sa.Column("colours", sa.BigInteger()))
    op.add_column("images", sa.Column("mosaic", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("images", "mosaic")
    op.drop_column("images", "colours")
