"""requests at once to the owned host of a chunk

Revision: 037
Revises: 036
"""

import sqlalchemy as sa
from alembic import op

revision = "037"
down_revision = "036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job_chunks", sa.Column("per_host", sa.Integer()))


def downgrade() -> None:
    op.drop_column("job_chunks", "per_host")
